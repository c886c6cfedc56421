//! What one connection is doing, and until when it may go on doing it.
//!
//! In: bytes that arrive, requests that begin and end. Out: a [`Verdict`]. Invariant: whatever a client does or leaves
//! undone, there is a moment at which the connection ends.

use super::Limits;
use super::turned_away::Reason;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection may be idle where seats are scarce.
const IDLE_WHEN_CROWDED: Duration = Duration::from_secs(1);

/// The state of one connection.
pub(super) struct Pulse(Mutex<State>);

struct State {
    under_way: usize,
    /// Since when the connection is as it is: idle, or busy without having finished anything.
    since: Instant,
    /// When the first byte of a head arrived that is not whole yet.
    head_since: Option<Instant>,
    /// Whether a request ever came.
    asked: bool,
    /// Frames of HTTP/2 are not heads: there the limits of its own state machine hold.
    framed: bool,
}

/// Until when a connection may go on, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is idle: the client is told that it closes.
    Close(Instant),
    /// It takes too long for something: it ends without a word.
    Cut(Instant),
}

/// A request under way, until its answer is handed over or dropped.
pub(super) struct UnderWay(Arc<Pulse>);

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse(Mutex::new(State {
            under_way: 0,
            since: Instant::now(),
            head_since: None,
            asked: false,
            framed: false,
        }))
    }

    /// Bytes arrived.
    pub(super) fn received(&self) {
        self.with(|state| {
            if state.under_way == 0 && state.head_since.is_none() {
                state.head_since = Some(Instant::now());
            }
        });
    }

    /// A request's head is whole.
    pub(super) fn begin(pulse: &Arc<Pulse>, framed: bool) -> UnderWay {
        pulse.with(|state| {
            if state.under_way == 0 {
                state.since = Instant::now();
            }
            state.under_way += 1;
            state.head_since = None;
            state.asked = true;
            state.framed = framed;
        });
        UnderWay(Arc::clone(pulse))
    }

    pub(super) fn verdict(&self, limits: &Limits, crowded: bool) -> Verdict {
        let connection = limits.connection;
        self.with(|state| match state.head_since {
            _ if state.under_way > 0 => Verdict::Cut(state.since + limits.request_time),
            Some(began) if !state.framed => Verdict::Cut(began + connection.header_time),
            _ if !state.asked => Verdict::Cut(state.since + connection.header_time),
            _ if crowded => Verdict::Close(state.since + connection.idle_time.min(IDLE_WHEN_CROWDED)),
            _ => Verdict::Close(state.since + connection.idle_time),
        })
    }

    /// What a connection that is cut off took too long for; nothing where it never sent anything.
    pub(super) fn too_slow_for(&self) -> Option<Reason> {
        self.with(|state| match state.head_since {
            _ if state.under_way > 0 => Some(Reason::SlowRequest),
            Some(_) => Some(Reason::SlowHead),
            None => None,
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // A panic between two assignments leaves times that end the connection sooner or later all the same.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.with(|state| {
            state.under_way -= 1;
            state.since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collector::config::ConnectionLimits;

    fn limits() -> Limits {
        let connection = ConnectionLimits::default();
        Limits { connections_max: 1, connection, request_time: Duration::from_secs(60) }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_a_connection_does_there_is_a_moment_at_which_it_ends() {
        let (limits, pulse) = (limits(), Arc::new(Pulse::new()));
        let pass = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);

        pass(3).await;
        assert_eq!(pulse.verdict(&limits, false), Verdict::Cut(after(7)), "it never asked anything");
        pulse.received();
        pass(9).await;
        pulse.received();
        assert_eq!(pulse.verdict(&limits, false), Verdict::Cut(after(1)), "a byte now and then is no head");

        let request = Pulse::begin(&pulse, false);
        pulse.received();
        pass(20).await;
        assert_eq!(pulse.verdict(&limits, true), Verdict::Cut(after(40)));
        drop(request);
        assert_eq!(pulse.verdict(&limits, false), Verdict::Close(after(150)));
        assert_eq!(pulse.verdict(&limits, true), Verdict::Close(after(1)), "seats are scarce");
        pulse.received();
        assert_eq!(pulse.verdict(&limits, false), Verdict::Cut(after(10)), "the next head began");
    }

    #[tokio::test(start_paused = true)]
    async fn http_2_may_exchange_frames_without_a_request() {
        let (limits, pulse) = (limits(), Arc::new(Pulse::new()));
        let (one, other) = (Pulse::begin(&pulse, true), Pulse::begin(&pulse, true));
        tokio::time::advance(Duration::from_secs(30)).await;
        drop(one);
        let minute = Instant::now() + Duration::from_secs(60);
        assert_eq!(pulse.verdict(&limits, false), Verdict::Cut(minute), "something was finished");
        drop(other);
        pulse.received();
        assert!(matches!(pulse.verdict(&limits, false), Verdict::Close(_)));
    }
}
