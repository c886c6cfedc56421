//! Work that is finished although nobody waits for it any more: a browser that hangs up ends its request's future, and
//! what was begun for it must be counted all the same.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that goes on by itself when it is dropped before its end.
pub(crate) struct Finished<T: Send + 'static>(Option<Work<T>>);

impl<T: Send + 'static> Finished<T> {
    /// Takes the work.
    pub(crate) fn whatever_comes(work: impl Future<Output = T> + Send + 'static) -> Self {
        Finished(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for Finished<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let work = self.0.as_mut().expect("nobody asks a future again that has ended");
        let answer = work.as_mut().poll(context);
        if answer.is_ready() {
            self.0 = None;
        }
        answer
    }
}

impl<T: Send + 'static> Drop for Finished<T> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            drop(runtime.spawn(work));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_finished() {
        let (go, gone) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut work = Finished::whatever_comes(async move {
            gone.await.unwrap();
            tell.send(7).unwrap();
        });
        let nothing_yet =
            std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut work).poll(context).is_pending()));
        assert!(nothing_yet.await);
        drop(work);
        go.send(()).unwrap();
        assert_eq!(told.await, Ok(7));
    }
}
