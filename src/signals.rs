//! What an operator wishes for, by signals: SIGTERM and SIGINT stop, SIGHUP reads the config again.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What an operator can wish for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Stop,
    Reload,
}

/// The operator's wishes. Listened for before anything starts: a signal on the way up ends the start in order too, and
/// never finds a process that dies of it.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Signals> {
        let listen = |kind| signal(kind).context("no signals");
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next wish.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }

    /// Asked to stop. A wish to reload on the way up or down is done with the next start.
    pub(crate) async fn stop(&mut self) {
        while let Wish::Reload = self.next().await {}
    }
}
