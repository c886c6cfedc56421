//! Keeps an engine running as a child process, and lets a child notice that its parent is gone.
//!
//! In: the executable to start and the engine's [`Options`]. Out: a [`Supervisor`] whose [`State`] can be watched.
//!
//! **Invariants.** The child's standard input is a pipe that this process holds: closing it is the request to stop, and the
//! system closes it when this process dies, however it dies, so no engine outlives its parent. The child has a process group of
//! its own, so that a Ctrl-C in the terminal stops the parent first, which then stops the engine last. An engine that ends
//! unasked is started again, after a pause that grows while it keeps ending. One that is stuck (see `silence`) is ended, by
//! force if need be, and started again in the same way.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::folder::Folder;
use crate::library::{LibraryError, locate};
use crate::limits::{
    FIRST_STARTS_MAX, LET_GO_TIME_MAX, RESTART_PAUSE_MAX, RESTART_PAUSE_MIN, START_TIME_MAX, STEADY_TIME,
    STOP_TIME_MAX, STUCK_STOP_TIME_MAX,
};
use crate::{EngineError, Options, PASSWORD_VARIABLE};

mod orphan;
mod silence;
pub use orphan::Orphan;
use silence::Questions;

/// What to start.
#[derive(Clone, Debug)]
pub struct SuperviseOptions {
    /// The executable that has the subcommand `engine`: as a rule, this process's own.
    pub executable: PathBuf,
    /// What the engine is started with.
    pub engine: Options,
    /// How long a running engine may be silent before it is started again; [`crate::limits::SILENCE_MAX`] where nobody knows better.
    pub silence_max: Duration,
}

/// Why an engine is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its process ended unasked.
    Ended,
    /// Its process ran and answered nothing.
    Stuck,
    /// It could not be started.
    Failed,
}

/// How the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first process is started and has not answered yet; if it ends, another one follows.
    Starting,
    /// Another process is started, after a pause, and has not answered yet.
    Restarting(Reason),
    /// This process answers.
    Answering {
        /// Its id.
        process_id: u32,
    },
    /// The supervisor was asked to stop, and the process is gone.
    Stopped,
}

/// Why an engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// Something that no second try would mend.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The executable could not be started.
    #[error("the engine's process {} cannot be started: {source}", .executable.display())]
    Spawn {
        /// The executable.
        executable: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process ended before it answered, by its own decision or several times by a signal.
    #[error("the engine ended before it answered ({status}): its own message on standard error says why")]
    Died {
        /// How it ended.
        status: ExitStatus,
    },
    /// The process runs and does not answer.
    #[error("the engine did not answer on {} within {} seconds", .socket.display(), START_TIME_MAX.as_secs())]
    Silent {
        /// The socket.
        socket: PathBuf,
    },
}

/// A running engine, watched. [`Supervisor::stop`] ends it and waits for that; dropping it asks it to end.
#[derive(Debug)]
pub struct Supervisor {
    socket: PathBuf,
    state: watch::Receiver<State>,
    stop: watch::Sender<bool>,
    keeper: tokio::task::JoinHandle<()>,
}

impl Supervisor {
    /// Starts the engine and waits until it answers.
    pub async fn start(options: SuperviseOptions) -> Result<Supervisor, SuperviseError> {
        locate(options.engine.library.as_deref())
            .map_err(|missing| EngineError::from(LibraryError::from(missing)))?;
        wait_for_folder(&options.engine.data).await?;
        let mut tries = 1;
        let process = loop {
            match start(&options).await {
                // A status of its own means that it said why, and would say so again.
                Err(SuperviseError::Died { status })
                    if status.code().is_none() && tries < FIRST_STARTS_MAX =>
                {
                    tracing::warn!(%status, "the engine ended before it answered, and is tried again");
                    sleep(RESTART_PAUSE_MIN * 2u32.pow(tries)).await;
                    tries += 1;
                }
                outcome => break outcome?,
            }
        };
        Ok(Supervisor::keeping(options, Some(process)))
    }

    /// Starts the engine and goes on starting it, with a pause that grows, until it answers: what cannot be started now may be
    /// later, and is told in the log each time. [`Supervisor::state`] says when it answers.
    pub fn start_beside(options: SuperviseOptions) -> Supervisor {
        Supervisor::keeping(options, None)
    }

    fn keeping(options: SuperviseOptions, process: Option<Process>) -> Supervisor {
        let (states, state) = watch::channel(process.as_ref().map_or(State::Starting, answering));
        let (stop, stopping) = watch::channel(false);
        let socket = options.engine.socket.clone();
        let keeper = tokio::spawn(keep(options, process, states, stopping));
        Supervisor { socket, state, stop, keeper }
    }

    /// A client of this engine. It keeps working across restarts.
    pub fn client(&self) -> clickhouse::Client {
        crate::client(&self.socket)
    }

    /// The engine's state, to read or to wait on.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Ends the engine: it finishes what runs and closes its store; after [`STOP_TIME_MAX`] it is killed.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.keeper.await {
            tracing::warn!(%error, "the engine's keeper did not end well");
        }
    }
}

fn answering(process: &Process) -> State {
    process.child.id().map_or(State::Restarting(Reason::Ended), |process_id| State::Answering { process_id })
}

/// Another engine may be on its way out, such as one whose parent was just killed.
async fn wait_for_folder(data: &Path) -> Result<(), EngineError> {
    let deadline = Instant::now() + LET_GO_TIME_MAX;
    loop {
        match Folder::lock(data) {
            Err(EngineError::InUse { .. }) if Instant::now() < deadline => sleep(RESTART_PAUSE_MIN).await,
            outcome => return outcome.map(drop),
        }
    }
}

/// A started process and the pipe whose end asks it to stop. They are apart because waiting for a `Child` closes the
/// standard input it still has.
#[derive(Debug)]
struct Process {
    child: Child,
    lifeline: Option<ChildStdin>,
}

/// Starts a process and waits for its first answer.
async fn start(options: &SuperviseOptions) -> Result<Process, SuperviseError> {
    // Another one on that folder would answer on the socket in its place.
    Folder::lock(&options.engine.data).map(drop)?;
    let mut command = Command::new(&options.executable);
    match &options.engine.listen {
        Some(listen) => command.env(PASSWORD_VARIABLE, listen.password.reveal()),
        None => command.env_remove(PASSWORD_VARIABLE),
    };
    let mut child = command
        .arg("engine")
        .args(options.engine.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| SuperviseError::Spawn { executable: options.executable.clone(), source })?;
    let lifeline = child.stdin.take();
    let socket = &options.engine.socket;
    let first_answer = async {
        let mut pause = Duration::from_millis(5);
        while ping(socket).await.is_err() {
            sleep(pause).await;
            pause = (pause * 2).min(RESTART_PAUSE_MIN);
        }
    };
    tokio::select! {
        () = first_answer => Ok(Process { child, lifeline }),
        status = child.wait() => Err(match status {
            Ok(status) => SuperviseError::Died { status },
            Err(source) => SuperviseError::Spawn { executable: options.executable.clone(), source },
        }),
        () = sleep(START_TIME_MAX) => Err(SuperviseError::Silent { socket: socket.clone() }),
    }
}

async fn ping(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"GET /ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Starts the engine, and again when it ends, until it is asked to stop; then ends it.
async fn keep(
    options: SuperviseOptions,
    process: Option<Process>,
    states: watch::Sender<State>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut pause = RESTART_PAUSE_MIN;
    let questions = Questions::to(&options.engine.socket, options.silence_max);
    let mut process = match process {
        Some(process) => process,
        None => {
            let started = tokio::select! {
                () = asked(&mut stopping) => None,
                started = start_at_last(&options, &mut pause, &states) => Some(started),
            };
            let Some(started) = started else {
                states.send_replace(State::Stopped);
                return;
            };
            states.send_replace(answering(&started));
            started
        }
    };
    loop {
        let since = Instant::now();
        let reason = tokio::select! {
            () = asked(&mut stopping) => break end(process, STOP_TIME_MAX).await,
            status = process.child.wait() => {
                tracing::error!(?status, "the engine ended unasked and is started again");
                Reason::Ended
            }
            () = questions.silence() => {
                let silent_s = options.silence_max.as_secs();
                tracing::error!(silent_s, "the engine is stuck: it answers nothing. It is ended and started again");
                Reason::Stuck
            }
        };
        states.send_replace(State::Restarting(reason));
        if reason == Reason::Stuck {
            end(process, STUCK_STOP_TIME_MAX.min(options.silence_max)).await;
        }
        if since.elapsed() > STEADY_TIME {
            pause = RESTART_PAUSE_MIN;
        }
        let restarted = tokio::select! {
            () = asked(&mut stopping) => break,
            restarted = start_after(&options, &mut pause, &states) => restarted,
        };
        process = restarted;
        states.send_replace(answering(&process));
        tracing::info!("the engine answers again");
    }
    states.send_replace(State::Stopped);
}

/// Resolves when the supervisor was asked to stop, or was dropped.
async fn asked(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Starts it after that pause, however often it takes.
async fn start_after(
    options: &SuperviseOptions,
    pause: &mut Duration,
    states: &watch::Sender<State>,
) -> Process {
    sleep(*pause).await;
    *pause = (*pause * 2).min(RESTART_PAUSE_MAX);
    start_at_last(options, pause, states).await
}

async fn start_at_last(
    options: &SuperviseOptions,
    pause: &mut Duration,
    states: &watch::Sender<State>,
) -> Process {
    loop {
        match start(options).await {
            Ok(process) => return process,
            Err(error) => tracing::error!(%error, "the engine could not be started and is tried once more"),
        }
        states.send_replace(State::Restarting(Reason::Failed));
        sleep(*pause).await;
        *pause = (*pause * 2).min(RESTART_PAUSE_MAX);
    }
}

/// Closes the child's standard input, which asks it to stop, and kills it if that takes too long.
async fn end(process: Process, patience: Duration) {
    let Process { mut child, lifeline } = process;
    drop(lifeline);
    match timeout(patience, child.wait()).await {
        Ok(Ok(status)) if status.success() => {}
        Ok(status) => tracing::warn!(?status, "the engine did not stop cleanly"),
        Err(_) => {
            tracing::warn!("the engine did not stop in time and is killed");
            if let Err(error) = child.kill().await {
                tracing::warn!(%error, "the engine could not be killed");
            }
        }
    }
}
