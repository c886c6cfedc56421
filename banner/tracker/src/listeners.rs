//! The tracker's ears: event listeners and one timer.
//!
//! In: when to be woken. Out: [`crate::wake`] is called. Invariant: dropping this removes every listener and the timer,
//! so that nothing observes the page once the gate is closed.

use crate::browser;

/// See the module.
pub(crate) struct Listeners(());

impl Listeners {
    /// Begins to listen.
    pub(crate) fn attach() -> Listeners {
        browser::listen();
        Listeners(())
    }

    /// Wakes the tracker at that time, instead of at the time asked for before; never if it is infinite.
    pub(crate) fn wake_at(&self, due_ms: f64) {
        browser::wake_in(due_ms - browser::now_ms());
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        browser::unlisten();
    }
}
