//! The embedded store: ClickHouse's own engine (libchdb) in a process of its own, behind ClickHouse's HTTP interface.
//!
//! In: a data folder and a socket. Out: [`serve`], which answers there until it is asked to stop; [`client`], which speaks to
//! it exactly as to a ClickHouse server; and [`supervise::Supervisor`], which keeps such a process running.
//!
//! The path of a request: `http` takes it from one of the `listeners` and bounds it, `request` and `statement` read it, it waits for one
//! of its `turns`, `run` gives it a thread and a session of the engine (`connection`), and `reply` turns what comes back into ClickHouse's answer.
//!
//! **Invariants.** The engine never shares a process with the intake, so that a crash, an upgrade or a hungry query here stops
//! no visitor's event. One process holds the data at a time. The library is loaded at run time: a missing one is a
//! sentence ([`library::MissingLibrary`]), not a loader error. Only the owner of the socket reaches the engine,
//! and over TCP, if that is asked for, whoever has its password.

mod client;
mod connection;
mod exception;
mod folder;
mod header;
mod http;
pub mod library;
pub mod limits;
mod listeners;
mod options;
mod password;
mod reply;
mod request;
mod run;
mod statement;
pub mod supervise;
mod token;
mod turns;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use crate::client::client;
pub use crate::options::{Listen, Options, PASSWORD_VARIABLE};
pub use crate::password::Password;
pub use crate::turns::INTAKE_HEADER;

/// The version of libchdb that Kruimel is built and tested with.
pub const VERSION: &str = "26.7.3";

/// The database of a request that names none. It is made when the engine opens.
pub const DATABASE: &str = "kruimel";

/// Why an engine cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library is missing or of no use.
    #[error(transparent)]
    Library(#[from] library::LibraryError),
    /// Another process has the data folder.
    #[error("the data folder {} is in use by another process: stop that one, or choose another folder", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The data folder cannot be made, read or written.
    #[error("the data folder {} cannot be used: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The socket cannot be made.
    #[error("the socket {} cannot be opened: {source}", .path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The TCP address cannot be listened on.
    #[error("the engine cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The engine did not open the store, and says no more about it.
    #[error("the ClickHouse engine refused to open the store in {}: it may be in use, damaged or not readable", .path.display())]
    Refused {
        /// The data folder.
        path: PathBuf,
    },
    /// The database could not be made.
    #[error("the database `{DATABASE}` could not be opened: {reason}")]
    Database {
        /// The engine's own words.
        reason: String,
    },
}

/// Opens the store in `options.data` and answers on `options.socket`, and on `options.listen` where there is one, until `shutdown`, or until the parent process that
/// holds the other end of this process's standard input is gone.
///
/// Stopping takes a bounded time: running requests get [`limits::FINISH_TIME_MAX`], then they are killed. A process serves
/// once: the library does not start again after it was shut down.
pub async fn serve(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), EngineError> {
    let orphan = supervise::Orphan::watch();
    let (socket, listen) = (options.socket.clone(), options.listen.clone());
    let engine = blocking(move || connection::Engine::open(&options)).await?;
    let engine = Arc::new(engine);
    let listeners = match listeners::Listeners::open(&socket, listen).await {
        Ok(listeners) => listeners,
        Err(error) => {
            close(engine).await;
            return Err(error);
        }
    };
    tracing::info!(socket = %socket.display(), listen = ?listeners.address(), "the engine answers");
    let stop = async {
        tokio::select! {
            () = shutdown => {}
            () = orphan.orphaned() => tracing::info!("the engine stops because its parent is gone"),
        }
    };
    http::serve(&engine, listeners, stop).await;
    if let Err(error) = std::fs::remove_file(&socket) {
        tracing::debug!(%error, "the engine's socket could not be removed");
    }
    close(engine).await;
    tracing::info!("the engine stopped");
    Ok(())
}

async fn close(engine: Arc<connection::Engine>) {
    if !blocking(move || engine.close()).await {
        // libchdb 26.7.3 says so whenever a MergeTree table was open. Its tables are closed by then, and the threads idle.
        tracing::debug!("the engine did not stop all of its threads");
    }
}

/// Runs a blocking call on a thread that, unlike the runtime's own, does not keep the process from ending.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("engine".to_owned()).stack_size(limits::STACK_BYTES).spawn(
        move || {
            if sender.send(call()).is_err() {
                tracing::debug!("nobody waited for the engine");
            }
        },
    );
    thread.expect("a process that starts can start a thread");
    receiver.await.expect("the thread sends before it ends, unless the engine panicked")
}
