//! The gate: a tracker exists only behind it, and only while analytics is granted.
//!
//! In: the cookie's answer, read again at each wake-up. Out: a [`Gate`] that is closed or holds the one [`Tracker`].
//! Invariant: [`Grant`] is minted here and nowhere else and does not outlive the wake-up; opening a tracker takes one
//! and each request takes one, so that nothing is queued or sent without asking the cookie first. Closing drops the
//! tracker, and with it its queue, listeners, timer and visit cookie.
//!
//! A grant cannot be made up:
//!
//! ```compile_fail,E0423
//! let grant = kruimel_tracker::Grant(std::marker::PhantomData);
//! ```
//!
//! nor kept for later:
//!
//! ```compile_fail,E0521
//! let mut kept = None;
//! kruimel_tracker::Grant::ask(|| true, |grant| kept = grant);
//! ```
//!
//! The honest way:
//!
//! ```
//! kruimel_tracker::Grant::ask(|| true, |grant| assert!(grant.is_some()));
//! kruimel_tracker::Grant::ask(|| false, |grant| assert!(grant.is_none()));
//! ```

use crate::tracker::{Next, Signal, Tracker};
use core::marker::PhantomData;

/// Analytics was granted when the cookie was read at the beginning of this wake-up.
pub struct Grant<'wake>(PhantomData<&'wake ()>);

impl Grant<'_> {
    /// Reads the cookie and goes on with a grant, or with none if the cookie does not say so.
    pub fn ask<T>(
        read: impl FnOnce() -> bool,
        go_on: impl for<'wake> FnOnce(Option<Grant<'wake>>) -> T,
    ) -> T {
        go_on(read().then_some(Grant(PhantomData)))
    }
}

/// Closed, or open with the tracker that exists only here.
#[derive(Default)]
pub(crate) enum Gate {
    /// Nothing is observed, kept or sent.
    #[default]
    Closed,
    /// Analytics is granted.
    Open(Box<Tracker>),
}

impl Gate {
    /// Lets the tracker see what happened if the grant still lives, and closes if it does not.
    pub(crate) fn pass(&mut self, grant: Option<Grant>, signal: Signal) {
        let next = match (&mut *self, grant) {
            (Gate::Open(tracker), Some(grant)) => tracker.wake(signal, &grant),
            _ => Next::Close,
        };
        if next == Next::Close {
            *self = Gate::Closed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_stays_closed_whatever_the_cookie_says() {
        let mut gate = Gate::default();
        Grant::ask(|| true, |grant| gate.pass(grant, Signal::Attention));
        assert!(matches!(gate, Gate::Closed));
    }
}
