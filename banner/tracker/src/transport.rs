//! Brings a batch to the collector.
//!
//! In: the text of a batch, and the grant of this wake-up. Out: a request. Invariant: none without a [`Grant`]; the
//! receipt travels in the `Cookie` header, never in the body.

use crate::{browser, gate::Grant};

/// Sends a batch; the tracker is woken with the answer.
pub(crate) fn send(body: &str, _grant: &Grant) {
    browser::send(body);
}

/// Hands a batch to the browser, which sends it even if the page is gone; whether the browser took it.
pub(crate) fn leave(body: &str, _grant: &Grant) -> bool {
    browser::beacon(body)
}
