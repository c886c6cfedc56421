//! The store that the config names: the embedded engine, started and watched here, or a server.

use crate::disk;
use anyhow::{Context, Result, ensure};
use clickhouse::Client;
use collector::config::{Config, LISTEN_PASSWORD_BYTES_MIN, ListenPassword, StoreOptions, StoreUrl};
use collector::store::EngineRestart;
use engine::supervise::{Reason, State, SuperviseOptions, Supervisor};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a start waits for a server's first answer, and for a store that answered an earlier start.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The opened store.
pub(crate) struct Opened {
    client: Client,
    engine: Option<Supervisor>,
    is_shared: bool,
}

impl Opened {
    /// Whether a running `serve` uses the store at this moment.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Tells the collector's store how the engine is, for as long as it runs.
    pub(crate) fn report(&self, store: collector::store::Store) {
        let Some(mut state) = self.engine.as_ref().map(Supervisor::state) else { return };
        tokio::spawn(async move {
            while state.changed().await.is_ok() {
                match *state.borrow_and_update() {
                    State::Restarting(reason) => store.health().engine_restarts(match reason {
                        Reason::Ended => EngineRestart::Ended,
                        Reason::Stuck => EngineRestart::Stuck,
                        Reason::Failed => EngineRestart::Failed,
                    }),
                    State::Starting => {}
                    State::Answering { .. } => store.health().engine_answers(),
                    State::Stopped => return,
                }
            }
        });
    }

    /// Ends the engine, if it is ours.
    pub(crate) async fn close(self) {
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
    }
}

/// The engine's socket in a data folder.
fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("engine").join("socket")
}

/// Whether there has to be a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// What follows asks it.
    Now,
    /// It answered before: what browsers send can wait for it on disk.
    Later,
}

/// The engine's store in a data folder.
fn store_path(data_dir: &Path) -> PathBuf {
    data_dir.join("store")
}

/// Starts the embedded engine, or points a client at the server. An engine that is needed later is waited for only so long as a
/// server is.
pub(crate) async fn open(config: &Config, need: Need) -> Result<Opened> {
    match &config.store.url {
        StoreUrl::Embedded => embedded(config, need).await,
        StoreUrl::Server(url) => server(config, url.as_str()).await,
    }
}

/// The same for a short command about what is stored: uses the engine of a running `serve` where there is one, and makes no
/// store, which would be as empty as the answer.
pub(crate) async fn open_or_join(config: &Config) -> Result<Opened> {
    if config.store.url == StoreUrl::Embedded {
        let client = engine::client(&socket_path(&config.data_dir));
        if client.query("SELECT 1").fetch_one::<u8>().await.is_ok() {
            return Ok(Opened { client, engine: None, is_shared: true });
        }
        let store = store_path(&config.data_dir);
        ensure!(
            store.is_dir(),
            "there is no store at {}; name the data folder that `kruimel serve` has, in the config or as KRUIMEL_DATA_DIR, and run this as somebody who may read it",
            store.display()
        );
        disk::prepare(&config.data_dir)?;
    }
    open(config, Need::Now).await
}

async fn embedded(config: &Config, need: Need) -> Result<Opened> {
    let data_dir = &config.data_dir;
    let data_dir =
        data_dir.canonicalize().with_context(|| format!("{} cannot be found", data_dir.display()))?;
    let engine = engine::Options {
        library: config.store.library.clone(),
        memory_bytes: config.store.memory_bytes,
        threads: config.store.threads.map(usize::from),
        nice: Some(config.store.nice),
        listen: listen(&config.store)?,
        ..engine::Options::new(store_path(&data_dir), socket_path(&data_dir))
    };
    let silence_max = config.store.silence_max.unwrap_or(engine::limits::SILENCE_MAX);
    let executable = std::env::current_exe().context("this program's own path cannot be found")?;
    let options = SuperviseOptions { executable, engine, silence_max };
    let engine = match need {
        Need::Now => Supervisor::start(options).await?,
        Need::Later => {
            let engine = Supervisor::start_beside(options);
            let mut state = engine.state();
            let answers = state.wait_for(|state| matches!(state, State::Answering { .. }));
            // Whether it does is asked where its tables are brought up to date, as of a server.
            drop(timeout(ANSWER_MAX, answers).await);
            engine
        }
    };
    Ok(Opened { client: engine.client(), engine: Some(engine), is_shared: false })
}

/// Where the engine listens besides its socket, with the password from the config or from the file that it names.
fn listen(store: &StoreOptions) -> Result<Option<engine::Listen>> {
    let Some(listen) = &store.listen else { return Ok(None) };
    let password = match &listen.password {
        ListenPassword::Text(password) => engine::Password::new(password.reveal()),
        ListenPassword::File(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("store.listen_password_file {} cannot be read", path.display()))?;
            ensure!(
                text.trim().len() >= LISTEN_PASSWORD_BYTES_MIN,
                "store.listen_password_file {} holds a password of less than {LISTEN_PASSWORD_BYTES_MIN} bytes; write a longer one",
                path.display()
            );
            engine::Password::new(text.trim())
        }
    };
    Ok(Some(engine::Listen { address: listen.address, password }))
}

/// A client of the owner's server, whose database is made where it is missing.
async fn server(config: &Config, url: &str) -> Result<Opened> {
    let mut client = Client::default().with_url(url);
    if let Some(user) = &config.store.user {
        client = client.with_user(user);
    }
    if let Some(password) = &config.store.password {
        client = client.with_password(password.reveal());
    }
    let database = &config.store.database;
    if let Err(error) = make(&client, database).await {
        tracing::warn!(%error, database, "The store could not be asked for its database; it is tried again until it is there.");
        tokio::spawn(keep_making(client.clone(), database.clone()));
    }
    Ok(Opened { client: client.with_database(database), engine: None, is_shared: true })
}

/// Makes the database unless it is there. That is asked first: a user who may make none is refused also where it exists.
async fn make(client: &Client, database: &str) -> clickhouse::error::Result<()> {
    let make = async {
        let within = client.clone().with_database(database);
        if within.query("SELECT 1").fetch_one::<u8>().await.is_ok() {
            return Ok(());
        }
        let make = client.query("CREATE DATABASE IF NOT EXISTS ?");
        make.bind(clickhouse::sql::Identifier(database)).execute().await
    };
    timeout(ANSWER_MAX, make).await.unwrap_or(Err(clickhouse::error::Error::TimedOut))
}

/// Makes the database once the server answers; the drain waits for it as for the server.
async fn keep_making(client: Client, database: String) {
    while make(&client, &database).await.is_err() {
        sleep(ANSWER_MAX).await;
    }
    tracing::info!(database, "The store has its database.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;
    use axum::http::StatusCode;

    /// A server whose user may do everything in the database `kruimel` and may make none. The engine has one user alone.
    async fn limited() -> Client {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = async |request: Request| match request.uri().query() {
            Some(query) if query.contains("database=kruimel") => {
                (StatusCode::OK, &b"\x01\x011\x05UInt8\x01"[..])
            }
            Some(query) if query.contains("database=") => {
                (StatusCode::NOT_FOUND, &b"Code: 81. DB::Exception: UNKNOWN_DATABASE"[..])
            }
            _ => (StatusCode::FORBIDDEN, &b"Code: 497. DB::Exception: ACCESS_DENIED"[..]),
        };
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Client::default().with_url(url)
    }

    #[tokio::test]
    async fn a_user_who_may_make_no_database_needs_none_but_the_one_that_is_there() {
        let client = limited().await;
        make(&client, "kruimel").await.unwrap();
        let refused = make(&client, "another").await.unwrap_err().to_string();
        assert!(refused.contains("Code: 497."), "what is missing is told: {refused}");
    }

    #[test]
    fn collector_and_engine_name_the_intake_alike() {
        assert_eq!(collector::store::INTAKE_HEADER, engine::INTAKE_HEADER);
    }
}
