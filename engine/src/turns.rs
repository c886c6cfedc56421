//! Who may run a statement: turns of three kinds, and none of them waits behind another.
//!
//! In: where a request came from and what it says of itself. Out: a turn, or a refusal at once where enough wait.
//!
//! **Invariant.** What the collector takes in finds a turn whatever others do: those who come over TCP, with the password,
//! have turns of their own, and on the socket pages and dashboards have others than the collector's own work, which names
//! itself with [`INTAKE_HEADER`]. Over TCP that name is nobody's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::exception::Exception;
use crate::limits::{
    STATEMENTS_OF_INTAKE_MAX, STATEMENTS_OF_SOCKET_MAX, STATEMENTS_OF_TCP_MAX, STATEMENTS_WAITING_MAX,
};

/// The header by which a request on the socket says that it is the collector's own work. Its value does not count.
pub const INTAKE_HEADER: &str = "x-kruimel-intake";

/// Whose statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The collector's own: inserts, erasures, what was withdrawn.
    Intake,
    /// Of whoever else is on the socket.
    Socket,
    /// Of whoever comes over TCP.
    Tcp,
}

impl Whose {
    /// Of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap, over_tcp: bool) -> Whose {
        match (over_tcp, headers.contains_key(INTAKE_HEADER)) {
            (true, _) => Whose::Tcp,
            (false, true) => Whose::Intake,
            (false, false) => Whose::Socket,
        }
    }
}

/// The right to run one statement.
pub(crate) type Turn = OwnedSemaphorePermit;

/// Every turn.
#[derive(Debug)]
pub(crate) struct Turns {
    lanes: [Lane; 3],
}

/// The turns of one kind.
#[derive(Debug)]
struct Lane {
    turns: Arc<Semaphore>,
    max: usize,
    waiting: AtomicUsize,
}

impl Turns {
    pub(crate) fn new() -> Turns {
        let lanes = [STATEMENTS_OF_INTAKE_MAX, STATEMENTS_OF_SOCKET_MAX, STATEMENTS_OF_TCP_MAX];
        Turns { lanes: lanes.map(Lane::new) }
    }

    /// Waits for a turn.
    pub(crate) async fn take(&self, whose: Whose) -> Result<Turn, Exception> {
        self.lanes[whose as usize].take().await
    }

    /// Waits until no statement runs; `meanwhile` after each pause in which some did.
    pub(crate) async fn all_ended<F: Future<Output = ()>>(&self, pause: Duration, meanwhile: impl Fn() -> F) {
        for lane in &self.lanes {
            let all = u32::try_from(lane.max).unwrap_or(u32::MAX);
            while timeout(pause, lane.turns.acquire_many(all)).await.is_err() {
                meanwhile().await;
            }
        }
    }

    /// Gives no more turns.
    pub(crate) fn close(&self) {
        self.lanes.iter().for_each(|lane| lane.turns.close());
    }
}

impl Lane {
    fn new(max: usize) -> Lane {
        Lane { turns: Arc::new(Semaphore::new(max)), max, waiting: AtomicUsize::new(0) }
    }

    async fn take(&self) -> Result<Turn, Exception> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let _place = Waiting::enter(self)?;
        let turn = self.turns.clone().acquire_owned().await;
        turn.map_err(|_| Exception::busy("The engine is shutting down"))
    }
}

/// A place among those who wait for a turn.
struct Waiting<'w>(&'w AtomicUsize);

impl Waiting<'_> {
    fn enter(lane: &Lane) -> Result<Waiting<'_>, Exception> {
        let place = Waiting(&lane.waiting);
        if lane.waiting.fetch_add(1, Ordering::Relaxed) >= STATEMENTS_WAITING_MAX {
            return Err(Exception::busy(format_args!(
                "Too many simultaneous queries: {} run and {STATEMENTS_WAITING_MAX} wait",
                lane.max
            )));
        }
        Ok(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    #[test]
    fn who_would_wait_behind_too_many_is_refused_and_takes_no_place() {
        let lane = Lane::new(1);
        lane.waiting.store(STATEMENTS_WAITING_MAX - 1, Ordering::Relaxed);
        let last = Waiting::enter(&lane).unwrap();
        let refused = Waiting::enter(&lane).map(drop).unwrap_err();
        assert_eq!((refused.code, refused.status()), (202, StatusCode::SERVICE_UNAVAILABLE));
        drop(last);
        assert_eq!(lane.waiting.load(Ordering::Relaxed), STATEMENTS_WAITING_MAX - 1);
    }

    #[tokio::test]
    async fn each_kind_has_turns_of_its_own_and_over_tcp_nobody_is_the_collector() {
        let named = HeaderMap::from_iter([(INTAKE_HEADER.parse().unwrap(), "1".parse().unwrap())]);
        assert_eq!(Whose::of(&named, true), Whose::Tcp);
        let [intake, socket, tcp] = [
            Whose::of(&named, false),
            Whose::of(&HeaderMap::new(), false),
            Whose::of(&HeaderMap::new(), true),
        ];
        let turns = Turns::new();
        let mut held = Vec::new();
        for (whose, max) in [(tcp, STATEMENTS_OF_TCP_MAX), (socket, STATEMENTS_OF_SOCKET_MAX)] {
            for _ in 0..max {
                held.push(turns.take(whose).await.unwrap());
            }
            assert_eq!(turns.lanes[whose as usize].turns.available_permits(), 0);
        }
        held.push(turns.take(intake).await.unwrap());
    }
}
