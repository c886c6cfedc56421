//! How a child notices that its parent is gone: its standard input, if it is a pipe, ends.
//!
//! **Invariant.** A process started by hand, by a service manager or with any other standard input is never an orphan.

use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::limits::ORPHAN_TIME_MAX;

/// Watches for the end of this process's standard input.
#[derive(Debug)]
pub struct Orphan {
    gone: watch::Receiver<bool>,
    served: Arc<AtomicBool>,
}

impl Orphan {
    /// Begins to watch. If the pipe ends and the engine has not stopped [`ORPHAN_TIME_MAX`] later, the process is ended the
    /// hard way: nobody is left who could kill it.
    pub fn watch() -> Orphan {
        let (tell, gone) = watch::channel(false);
        let served = Arc::new(AtomicBool::new(false));
        let orphan = Orphan { gone, served: served.clone() };
        if !std::fs::metadata("/dev/stdin").is_ok_and(|file| file.file_type().is_fifo()) {
            return orphan;
        }
        // A thread of its own, because the runtime would wait for a blocking read at its end.
        let thread = std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
            let mut bytes = [0u8; 64];
            while std::io::stdin().read(&mut bytes).is_ok_and(|read| read > 0) {}
            tell.send_replace(true);
            std::thread::sleep(ORPHAN_TIME_MAX);
            if !served.load(Ordering::Relaxed) {
                std::process::exit(1);
            }
        });
        if let Err(error) = thread {
            tracing::warn!(%error, "the engine cannot watch its parent");
        }
        orphan
    }

    /// Resolves when the parent is gone; never, if there is none to watch.
    pub async fn orphaned(&self) {
        let mut gone = self.gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        self.served.store(true, Ordering::Relaxed);
    }
}
