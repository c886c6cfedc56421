//! The one place that speaks to C: finds libchdb, loads it, and wraps its pointers in types that free them.
//!
//! In: a path and statements. Out: bytes and the engine's own error texts. Everything here blocks.
//!
//! **Invariants.** `unsafe` occurs in this file only. The library is loaded once per process and never unloaded. A
//! `Connection` is used by one thread at a time (it is `Send` and not `Sync`), and a stream borrows its connection
//! exclusively, because the engine takes no other statement on it meanwhile. Every handle is destroyed exactly once, and
//! an unfinished stream is cancelled first.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::VERSION;

mod locate;
pub use locate::{FILE_NAME, MissingLibrary, cache_place, locate};

/// The library is there and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Nothing was found.
    #[error(transparent)]
    Missing(#[from] MissingLibrary),
    /// The system's loader refused it.
    #[error("the ClickHouse engine at {} cannot be loaded: {reason}", .path.display())]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// It lacks calls that Kruimel needs, as every libchdb before 26.7 does.
    #[error("the ClickHouse engine at {} is too old (it has no {symbol}): libchdb {VERSION} is needed", .path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
        /// The first call that is missing.
        symbol: &'static str,
    },
}

type Raw = *mut c_void;
type RawConnection = *mut Raw;
type Text = *const c_char;
/// A call that takes a connection, a statement, a format and bound parameters.
type StatementCall = unsafe extern "C" fn(
    Raw,
    Text,
    usize,
    Text,
    usize,
    *const Text,
    *const usize,
    *const Text,
    *const usize,
    usize,
) -> Raw;

macro_rules! calls {
    ($($name:ident: $call:ty;)*) => {
        /// The calls of libchdb, loaded.
        #[derive(Debug)]
        pub(crate) struct Library {
            $($name: $call,)*
            _handle: libloading::Library,
        }

        impl Library {
            fn open(path: &Path) -> Result<Library, LibraryError> {
                // SAFETY: libchdb's initialisers have no preconditions, and it stays loaded for the life of the process.
                let handle = unsafe { libloading::Library::new(path) }.map_err(|error| LibraryError::Unloadable {
                    path: path.to_owned(),
                    reason: error.to_string(),
                })?;
                $(
                    // SAFETY: the signature is the one in libchdb 26.7's header, `chdb.h`.
                    let $name = *unsafe {
                        handle.get::<$call>(stringify!($name).as_bytes())
                    }
                    .map_err(|_| LibraryError::TooOld { path: path.to_owned(), symbol: stringify!($name) })?;
                )*
                Ok(Library { $($name,)* _handle: handle })
            }
        }
    };
}

calls! {
    chdb_version: unsafe extern "C" fn() -> Text;
    chdb_set_signal_handlers_enabled: unsafe extern "C" fn(c_int);
    chdb_connect: unsafe extern "C" fn(c_int, *const Text) -> RawConnection;
    chdb_close_conn: unsafe extern "C" fn(RawConnection);
    chdb_query_with_params_n: StatementCall;
    chdb_stream_query_with_params_n: StatementCall;
    chdb_stream_fetch_result: unsafe extern "C" fn(Raw, Raw) -> Raw;
    chdb_stream_cancel_query: unsafe extern "C" fn(Raw, Raw);
    chdb_stream_insert_with_params_n: StatementCall;
    chdb_stream_append: unsafe extern "C" fn(Raw, *const c_void, usize) -> c_int;
    chdb_stream_done: unsafe extern "C" fn(Raw) -> Raw;
    chdb_stream_cancel_insert: unsafe extern "C" fn(Raw);
    chdb_stream_insert_error: unsafe extern "C" fn(Raw) -> Text;
    chdb_destroy_insert_stream: unsafe extern "C" fn(Raw);
    chdb_destroy_query_result: unsafe extern "C" fn(Raw);
    chdb_result_buffer: unsafe extern "C" fn(Raw) -> *const u8;
    chdb_result_length: unsafe extern "C" fn(Raw) -> usize;
    chdb_result_error: unsafe extern "C" fn(Raw) -> Text;
    chdb_result_elapsed: unsafe extern "C" fn(Raw) -> f64;
    chdb_result_rows_read: unsafe extern "C" fn(Raw) -> u64;
    chdb_result_storage_rows_read: unsafe extern "C" fn(Raw) -> u64;
    chdb_result_storage_bytes_read: unsafe extern "C" fn(Raw) -> u64;
    chdb_result_rows_written: unsafe extern "C" fn(Raw) -> u64;
    chdb_result_bytes_written: unsafe extern "C" fn(Raw) -> u64;
    chdb_classify_query_n: unsafe extern "C" fn(Raw, Text, usize, Text, usize, *mut RawAnalysis) -> c_int;
    chdb_shutdown: unsafe extern "C" fn() -> c_int;
}

impl Library {
    /// Loads the library, once per process, and keeps it from installing signal handlers.
    pub(crate) fn load(path: &Path) -> Result<&'static Library, LibraryError> {
        static LOADED: OnceLock<Library> = OnceLock::new();
        if let Some(library) = LOADED.get() {
            return Ok(library);
        }
        let library = LOADED.get_or_init({
            let library = Library::open(path)?;
            move || library
        });
        // SAFETY: no connection is open; the call has no other precondition.
        unsafe { (library.chdb_set_signal_handlers_enabled)(0) };
        Ok(library)
    }

    /// The library's version, such as `26.7.3`.
    pub(crate) fn version(&self) -> String {
        // SAFETY: returns a static, NUL-terminated text or NULL.
        unsafe { text((self.chdb_version)()) }.unwrap_or_default()
    }

    /// Stops the engine and its threads. False if a connection is still open or a thread did not stop.
    pub(crate) fn shutdown(&self) -> bool {
        // SAFETY: safe from any thread; refuses by itself while a connection is open.
        unsafe { (self.chdb_shutdown)() == 0 }
    }
}

/// # Safety
/// `pointer` is NULL or points to a NUL-terminated text that lives until this returns.
unsafe fn text(pointer: Text) -> Option<String> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// A name and its value, both bound by the engine and never pasted into the statement.
pub(crate) type Parameter = (String, String);

/// One session of the engine.
#[derive(Debug)]
pub(crate) struct Connection {
    library: &'static Library,
    raw: RawConnection,
    not_sync: PhantomData<*const ()>,
}

// SAFETY: the engine ties no connection to a thread; it only forbids two threads at once, and `Connection` is not `Sync`.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens a session. The engine says nothing about why it refused one.
    pub(crate) fn open(library: &'static Library, arguments: &[CString]) -> Option<Connection> {
        let pointers: Vec<Text> = arguments.iter().map(|argument| argument.as_ptr()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: `pointers` holds `count` NUL-terminated texts that outlive the call.
        let raw = unsafe { (library.chdb_connect)(count, pointers.as_ptr()) };
        (!raw.is_null()).then_some(Connection { library, raw, not_sync: PhantomData })
    }

    fn handle(&self) -> Raw {
        // SAFETY: `raw` came from `chdb_connect`, is not NULL and is closed only by `drop`.
        unsafe { *self.raw }
    }

    /// Makes one of the calls that take a statement. They copy what they keep before they return.
    fn run(&mut self, call: StatementCall, sql: &str, format: &str, parameters: &[Parameter]) -> Raw {
        let names: Vec<Text> = parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<usize> = parameters.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<Text> = parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect();
        let value_lengths: Vec<usize> = parameters.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: the handle is live, and every pointer is valid for the length given with it during the call.
        unsafe {
            call(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        }
    }

    /// Runs a statement and waits for its whole result.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &[Parameter],
    ) -> Result<Answer<'_>, String> {
        let raw = self.run(self.library.chdb_query_with_params_n, sql, format, parameters);
        Answer::new(self.library, raw)
    }

    /// Starts a SELECT whose result arrives in chunks, each of them a complete document of `format`.
    pub(crate) fn select(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &[Parameter],
    ) -> Result<Select<'_>, String> {
        let raw = self.run(self.library.chdb_stream_query_with_params_n, sql, format, parameters);
        Ok(Select { stream: Answer::new(self.library, raw)?, ended: false, connection: self })
    }

    /// Starts an INSERT; `sql` ends before its FORMAT clause.
    pub(crate) fn insert(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &[Parameter],
    ) -> Result<Insert<'_>, String> {
        let raw = self.run(self.library.chdb_stream_insert_with_params_n, sql, format, parameters);
        if raw.is_null() {
            return Err("the engine gave no insert".to_owned());
        }
        let insert = Insert { library: self.library, raw, finished: false, connection: PhantomData };
        insert.error().map_or(Ok(insert), Err)
    }

    /// Says what a statement would do, by the engine's own parser and without running it.
    pub(crate) fn classify(&mut self, sql: &str) -> Analysis {
        let mut found =
            RawAnalysis { struct_size: size_of::<RawAnalysis>() as u32, ..RawAnalysis::default() };
        // SAFETY: the handle is live, `sql` is valid for its length, no target database is named, and `found` is a
        // `chdb_query_analysis_v1` that states its own size.
        let state = unsafe {
            (self.library.chdb_classify_query_n)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                std::ptr::null(),
                0,
                &raw mut found,
            )
        };
        let class = match (state, found.query_class) {
            (0, 0) => Class::ReadOnly,
            (0, 1) => Class::Mutating,
            (0, 2) => Class::MutatingGlobal,
            (0, 3) => Class::Control,
            _ => Class::Unknown,
        };
        Analysis { class, statements: if state == 0 { found.statement_count } else { 0 } }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: `raw` is live and every stream on it is gone, because streams borrow the connection.
        unsafe { (self.library.chdb_close_conn)(self.raw) };
    }
}

/// A result that succeeded.
#[derive(Debug)]
pub(crate) struct Answer<'c> {
    library: &'static Library,
    raw: Raw,
    connection: PhantomData<&'c mut Connection>,
}

impl Answer<'_> {
    fn new(library: &'static Library, raw: Raw) -> Result<Self, String> {
        if raw.is_null() {
            return Err("the engine gave no result".to_owned());
        }
        let answer = Answer { library, raw, connection: PhantomData };
        // SAFETY: `raw` is a live result; its error text lives as long as it does.
        let error = unsafe { text((library.chdb_result_error)(raw)) };
        error.map_or(Ok(answer), Err)
    }

    /// The result in the format that was asked for.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `raw` is live; its buffer has that length and does not change while `self` is borrowed.
        unsafe {
            let (buffer, length) =
                ((self.library.chdb_result_buffer)(self.raw), (self.library.chdb_result_length)(self.raw));
            if buffer.is_null() || length == 0 { &[] } else { std::slice::from_raw_parts(buffer, length) }
        }
    }

    /// What the statement read and wrote.
    pub(crate) fn summary(&self) -> Summary {
        let library = self.library;
        // SAFETY: `raw` is a live result; these calls only read counters.
        unsafe {
            Summary {
                result_rows: (library.chdb_result_rows_read)(self.raw),
                result_bytes: (library.chdb_result_length)(self.raw) as u64,
                read_rows: (library.chdb_result_storage_rows_read)(self.raw),
                read_bytes: (library.chdb_result_storage_bytes_read)(self.raw),
                written_rows: (library.chdb_result_rows_written)(self.raw),
                written_bytes: (library.chdb_result_bytes_written)(self.raw),
                elapsed_ns: ((library.chdb_result_elapsed)(self.raw) * 1e9) as u64,
            }
        }
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        // SAFETY: `raw` is live and destroyed here only.
        unsafe { (self.library.chdb_destroy_query_result)(self.raw) };
    }
}

/// What a statement read and wrote, for `X-ClickHouse-Summary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) result_rows: u64,
    pub(crate) result_bytes: u64,
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
    pub(crate) elapsed_ns: u64,
}

/// A SELECT whose chunks are being fetched. Dropping it early cancels the query.
#[derive(Debug)]
pub(crate) struct Select<'c> {
    stream: Answer<'c>,
    ended: bool,
    connection: &'c Connection,
}

impl Select<'_> {
    /// The next chunk, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Answer<'_>>, String> {
        if self.ended {
            return Ok(None);
        }
        let library = self.stream.library;
        // SAFETY: connection and stream are live, and this thread is the only one that uses them.
        let raw = unsafe { (library.chdb_stream_fetch_result)(self.connection.handle(), self.stream.raw) };
        let chunk = Answer::new(library, raw);
        self.ended = !matches!(&chunk, Ok(answer) if !answer.bytes().is_empty());
        chunk.map(|answer| (!answer.bytes().is_empty()).then_some(answer))
    }
}

impl Drop for Select<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let library = self.stream.library;
            // SAFETY: both are live; `stream` is destroyed by its own `drop` after this.
            unsafe { (library.chdb_stream_cancel_query)(self.connection.handle(), self.stream.raw) };
        }
    }
}

/// An INSERT that takes data. Dropping it unfinished cancels it.
#[derive(Debug)]
pub(crate) struct Insert<'c> {
    library: &'static Library,
    raw: Raw,
    finished: bool,
    connection: PhantomData<&'c mut Connection>,
}

impl Insert<'_> {
    /// Adds data; its pieces need not end where rows end. Blocks while the engine is behind.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), String> {
        // SAFETY: the stream is live; the engine copies `data` before it returns.
        let state = unsafe { (self.library.chdb_stream_append)(self.raw, data.as_ptr().cast(), data.len()) };
        if state == 0 {
            Ok(())
        } else {
            Err(self.error().unwrap_or_else(|| "the engine took no more data".to_owned()))
        }
    }

    /// Commits. After `Ok` the rows are in the table.
    pub(crate) fn finish(mut self) -> Result<Summary, String> {
        self.finished = true;
        // SAFETY: the stream is live; its handle stays ours to destroy.
        let raw = unsafe { (self.library.chdb_stream_done)(self.raw) };
        Answer::new(self.library, raw).map(|answer| answer.summary())
    }

    fn error(&self) -> Option<String> {
        // SAFETY: the stream is live and owns the text.
        unsafe { text((self.library.chdb_stream_insert_error)(self.raw)) }
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: the stream is live; cancelling does not free it, destroying does.
        unsafe {
            if !self.finished {
                (self.library.chdb_stream_cancel_insert)(self.raw);
            }
            (self.library.chdb_destroy_insert_stream)(self.raw);
        }
    }
}

/// `chdb_query_analysis_v1`.
#[repr(C)]
#[derive(Debug, Default)]
struct RawAnalysis {
    struct_size: u32,
    statement_count: u32,
    flags: u32,
    query_class: u32,
}

/// What a text would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Analysis {
    /// The most far-reaching of its statements.
    pub(crate) class: Class,
    /// Executable statements in the text; 0 if it does not parse.
    pub(crate) statements: u32,
}

/// What a statement does to what outlives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// SELECT, SHOW, DESCRIBE, EXPLAIN: leaves no trace.
    ReadOnly,
    /// Changes a database.
    Mutating,
    /// Changes something beside the databases: functions, users, named collections.
    MutatingGlobal,
    /// Changes the session, the server or the file system: SET, USE, SYSTEM, BACKUP, KILL, INTO OUTFILE.
    Control,
    /// Does not parse.
    Unknown,
}
