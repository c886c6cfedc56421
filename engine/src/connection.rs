//! The running engine: a sentinel connection that keeps it up, and a fresh session for every statement.
//!
//! In: a locked folder and the caps. Out: [`Engine::session`], with the database and settings of one request applied.
//!
//! **Invariants.** The sentinel is open for as long as the engine is: when the last connection closes, libchdb shuts down
//! and forgets. A session serves one request and is closed. Opening one costs about 0.15 ms (measured; a pooled one would
//! pay as much to reset its settings), and nothing can leak from one request into another: neither a setting, nor a
//! temporary table, nor the rows that a killed query leaves in its connection for the next one to read (measured too).

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::sync::{Mutex, PoisonError};

use crate::exception::Exception;
use crate::folder::{self, Folder};
use crate::library::{Connection, Library, locate};
use crate::limits::{MARK_CACHE_BYTES, MERGES_AT_ONCE_MIN, MERGES_PER_THREAD};
use crate::{EngineError, Options, VERSION};

/// The engine, open.
#[derive(Debug)]
pub(crate) struct Engine {
    library: &'static Library,
    arguments: Vec<CString>,
    sentinel: Mutex<Option<Connection>>,
    _folder: Folder,
}

/// What a request changes about its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionSettings {
    /// The current database.
    pub(crate) database: String,
    /// Names and values, each name once. They take effect together, `readonly` included.
    pub(crate) settings: Vec<(String, String)>,
}

impl Engine {
    /// Loads the library, locks the folder and opens the store in it.
    pub(crate) fn open(options: &Options) -> Result<Engine, EngineError> {
        let library = locate(options.library.as_deref())
            .map_err(Into::into)
            .and_then(|path| Library::load(&path))
            .map_err(EngineError::Library)?;
        if library.version() != VERSION {
            tracing::warn!(
                found = library.version(),
                expected = VERSION,
                "the engine's version is not the tested one"
            );
        }
        let folder = Folder::lock(&options.data)?;
        folder.write_config(options.thread_cap())?;
        let arguments = arguments(&folder, options);
        let refused = || EngineError::Refused { path: options.data.clone() };
        let mut sentinel = Connection::open(library, &arguments).ok_or_else(refused)?;
        sentinel
            .query(&folder::create_database(), "TabSeparated", &[])
            .map_err(|reason| EngineError::Database { reason })?;
        Ok(Engine { library, arguments, sentinel: Mutex::new(Some(sentinel)), _folder: folder })
    }

    /// A fresh session with a request's database and settings.
    pub(crate) fn session(&self, wanted: &SessionSettings) -> Result<Connection, Exception> {
        let mut connection = Connection::open(self.library, &self.arguments)
            .ok_or_else(|| Exception::busy("The engine is shutting down"))?;
        connection.query(&prelude(wanted), "TabSeparated", &[]).map_err(Exception::of_engine)?;
        Ok(connection)
    }

    /// Cancels the statements whose `log_comment` ends with `mark`.
    pub(crate) fn kill(&self, mark: &str) -> Result<(), Exception> {
        let mut connection = Connection::open(self.library, &self.arguments)
            .ok_or_else(|| Exception::busy("The engine is shutting down"))?;
        let statement = format!("KILL QUERY WHERE endsWith(Settings['log_comment'], {}) ASYNC", quoted(mark));
        connection.query(&statement, "TabSeparated", &[]).map(drop).map_err(Exception::of_engine)
    }

    /// Closes the sentinel and stops the engine's threads. False if some session is still open.
    pub(crate) fn close(&self) -> bool {
        drop(self.sentinel.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.library.shutdown()
    }
}

fn arguments(folder: &Folder, options: &Options) -> Vec<CString> {
    let merging = options.merge_threads();
    let merges_per_thread = (MERGES_AT_ONCE_MIN / merging).max(MERGES_PER_THREAD);
    let flag = |name: &str, value: OsString| {
        let mut flag = OsString::from(name);
        flag.push(value);
        CString::new(flag.into_vec()).expect("a path that exists and a number hold no NUL")
    };
    vec![
        flag("clickhouse", OsString::new()),
        flag("--path=", folder.store().into()),
        flag("--config-file=", folder.config().into()),
        flag("--max_server_memory_usage=", options.memory_cap_bytes().to_string().into()),
        flag("--mark_cache_size=", MARK_CACHE_BYTES.to_string().into()),
        flag("--background_pool_size=", merging.to_string().into()),
        flag("--background_merges_mutations_concurrency_ratio=", merges_per_thread.to_string().into()),
    ]
}

/// The statements that make a session what its request asks for, in one call.
fn prelude(wanted: &SessionSettings) -> String {
    let mut text = format!("USE `{}`", wanted.database.replace('\\', "\\\\").replace('`', "\\`"));
    let changes: Vec<String> =
        wanted.settings.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
    if !changes.is_empty() {
        text.push_str("; SET ");
        text.push_str(&changes.join(", "));
    }
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_set_up_in_one_call() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let wanted = SessionSettings {
            database: "a`b\\".to_owned(),
            settings: vec![pair("readonly", "1"), pair("log_comment", "it's \\ here")],
        };
        assert_eq!(prelude(&wanted), "USE `a\\`b\\\\`; SET readonly = '1', log_comment = 'it\\'s \\\\ here'");
        assert_eq!(prelude(&SessionSettings { database: "d".to_owned(), settings: vec![] }), "USE `d`");
    }
}
