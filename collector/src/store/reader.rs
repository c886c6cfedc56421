//! The thread on which segments are read and turned into inserts.
//!
//! In: work that blocks on the disk. Out: what it gives. Invariant: it is one thread, and always the same, so that the heap which
//! a segment needs is there once: each thread keeps what it freed for itself for a while. The end of the process does not
//! wait for it: all that it changes on disk is that a damaged segment is kept in quarantine, and the next start does that too.
//! Work that panics is told as that, and the next goes on.

use crate::spool::Unread;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::thread;
use tokio::sync::{mpsc, oneshot};

/// Work that waits for the thread. There is one drain; what it gave up waiting for may be under way still.
const WAITING_MAX: usize = 1;

type Work = Box<dyn FnOnce() + Send>;

/// See the module. The thread begins with the first work and ends with this.
#[derive(Debug, Default)]
pub(super) struct Reader {
    work: OnceLock<mpsc::Sender<Work>>,
}

impl Reader {
    /// Does it on the thread.
    ///
    /// # Errors
    /// The work's own; [`Unread::File`] if it panicked, because it would again; [`Unread::Passing`] if there can be no thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Unread> + Send + 'static,
    ) -> Result<T, Unread> {
        let (answer, answered) = oneshot::channel();
        let work = move || {
            let panicked = |_| Err(Unread::File(io::Error::other("whoever reads it panics")));
            if answer.send(catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)).is_err() {
                tracing::trace!("Nobody waits any more for a segment that was read.");
            }
        };
        let gone = || Unread::Passing(io::Error::other("the thread that reads segments gave no answer"));
        self.thread().map_err(Unread::Passing)?.send(Box::new(work)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    fn thread(&self) -> io::Result<&mpsc::Sender<Work>> {
        if let Some(work) = self.work.get() {
            return Ok(work);
        }
        let (work, mut waiting) = mpsc::channel::<Work>(WAITING_MAX);
        thread::Builder::new().name("drain".into()).spawn(move || {
            while let Some(work) = waiting.blocking_recv() {
                work();
            }
        })?;
        Ok(self.work.get_or_init(|| work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn name(reader: &Reader) -> (Option<String>, thread::ThreadId) {
        let thread = || Ok((thread::current().name().map(str::to_owned), thread::current().id()));
        reader.blocking(thread).await.unwrap()
    }

    #[tokio::test]
    async fn all_work_is_done_by_one_thread_also_after_some_failed_or_panicked() {
        let reader = Reader::default();
        let first = name(&reader).await;
        assert_eq!(first.0.as_deref(), Some("drain"));
        let failed = reader.blocking(|| Err::<(), _>(Unread::Passing(io::ErrorKind::NotFound.into()))).await;
        assert!(matches!(failed, Err(Unread::Passing(error)) if error.kind() == io::ErrorKind::NotFound));
        let panicked = reader.blocking(|| -> Result<(), Unread> { panic!("as a test asks") }).await;
        assert!(matches!(panicked, Err(Unread::File(_))));
        assert_eq!(name(&reader).await, first);
    }
}
