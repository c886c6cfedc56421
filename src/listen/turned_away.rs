//! How many connections a listener turned away or cut off, by reason: what never became a request that the routes count.
//!
//! Out: lines for `/metrics`. Invariant: the reasons are a closed list, and nothing of a client is kept. A connection that
//! ends without having sent anything counts as nothing: browsers open such.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

const NAME: &str = "kruimel_connections_turned_away_total";

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Every seat is taken, or half of them by its network.
    NoRoom,
    /// No TLS came about, or not in time.
    Handshake,
    /// The head is too large or has too many headers: answered 431.
    LargeHead,
    /// It is not HTTP: answered 400.
    Malformed,
    /// The head was not whole in time.
    SlowHead,
    /// A request was not answered to its end in time.
    SlowRequest,
}

const REASONS: [(Reason, &str); 6] = [
    (Reason::NoRoom, "no_room"),
    (Reason::Handshake, "handshake"),
    (Reason::LargeHead, "large_head"),
    (Reason::Malformed, "malformed"),
    (Reason::SlowHead, "slow_head"),
    (Reason::SlowRequest, "slow_request"),
];

/// Which listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Public,
    Admin,
}

/// One listener's counts; every process has each listener once.
pub(super) struct TurnedAway([AtomicU64; REASONS.len()]);

static PUBLIC: TurnedAway = TurnedAway::new();
static ADMIN: TurnedAway = TurnedAway::new();

impl TurnedAway {
    const fn new() -> TurnedAway {
        TurnedAway([const { AtomicU64::new(0) }; REASONS.len()])
    }

    pub(super) fn of(listener: Listener) -> &'static TurnedAway {
        match listener {
            Listener::Public => &PUBLIC,
            Listener::Admin => &ADMIN,
        }
    }

    pub(super) fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// The totals in Prometheus' text format.
pub(crate) fn render(out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "# HELP {NAME} Connections turned away or cut off before the routes count anything, by reason."
    )?;
    writeln!(out, "# TYPE {NAME} counter")?;
    for (listener, counts) in [("public", &PUBLIC), ("admin", &ADMIN)] {
        for ((_, reason), count) in REASONS.iter().zip(&counts.0) {
            let count = count.load(Ordering::Relaxed);
            writeln!(out, "{NAME}{{listener=\"{listener}\",reason=\"{reason}\"}} {count}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_stands_at_its_place() {
        for (place, (reason, label)) in REASONS.iter().enumerate() {
            assert_eq!(*reason as usize, place, "{label}");
        }
    }
}
