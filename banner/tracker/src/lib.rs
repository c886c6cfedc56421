//! The tracker: turns what a consenting visitor does into batches for the collector.
//!
//! The loader fetches this module only while analytics is granted and the receipt is signed. `src/entry.js` starts it
//! and hands over two things of the page: how to read the choice, and this module's own [`wake`] as the callback of
//! every listener, timer and request. So everything that happens comes in through one door, where the choice is read
//! first: without a grant the [`Gate`] closes before anything else is looked at.
//!
//! In: the page's events. Out: `POST /kruimel/events` with a [`wire::Batch`]. The path of an event:
//! [`wake`] -> [`Grant`] -> `observe/` -> `queue` -> `write` -> `transport`.
//!
//! Invariant: nothing is observed, kept or sent while the gate is closed, and no formatting code is in the module.

mod browser;
mod gate;
#[cfg(target_arch = "wasm32")]
mod heap;
mod listeners;
mod observe;
mod queue;
mod tracker;
mod transport;
mod visit;
mod write;

pub use gate::{Gate, Grant};

use std::cell::{OnceCell, RefCell};
use tracker::{Settings, Signal, Tracker};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The loader's side of the choice.
    pub type Choice;
    /// Reads the cookie: is there a signed receipt that grants analytics and has not expired?
    #[wasm_bindgen(method)]
    fn granted(this: &Choice) -> bool;

    /// What a callback gets: an event, a response, or the error of a request. A timer's callback gets nothing.
    pub type Cause;
    #[wasm_bindgen(method, getter)]
    fn status(this: &Cause) -> Option<f64>;
    #[wasm_bindgen(method, getter)]
    fn headers(this: &Cause) -> Headers;
    #[wasm_bindgen(method, getter, js_name = type)]
    fn kind(this: &Cause) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn persisted(this: &Cause) -> bool;

    type Headers;
    #[wasm_bindgen(method)]
    fn get(this: &Headers, name: &str) -> Option<String>;
}

thread_local! {
    static CHOICE: OnceCell<Choice> = const { OnceCell::new() };
    static GATE: RefCell<Gate> = const { RefCell::new(Gate::Closed) };
}

/// Opens the gate, if the choice still says so. Once per instance of the module.
#[wasm_bindgen]
pub fn start(
    site: String,
    endpoint: String,
    domain: String,
    time_zone: String,
    choice: Choice,
    callback: JsValue,
) {
    let settings = Settings { site, endpoint, domain, time_zone };
    let granted = choice.granted();
    CHOICE.with(|known| drop(known.set(choice)));
    Grant::ask(
        || granted,
        |grant| {
            if let Some(grant) = grant {
                let tracker = Tracker::open(settings, callback, &grant);
                GATE.replace(Gate::Open(Box::new(tracker)));
            }
        },
    );
}

/// The callback of every listener, timer and request.
#[wasm_bindgen]
pub fn wake(cause: Option<Cause>) {
    pass(cause.map_or(Signal::Timer, |cause| signal(&cause)));
}

/// Sends what waits.
#[wasm_bindgen]
pub fn flush() {
    pass(Signal::Flush);
}

/// Closes the gate: nothing more is observed, kept or sent.
#[wasm_bindgen]
pub fn close() {
    GATE.replace(Gate::Closed);
}

/// The choice is read before the gate is touched, because reading it runs the loader, which may call [`close`].
fn pass(signal: Signal) {
    let granted = CHOICE.with(|known| known.get().is_some_and(Choice::granted));
    Grant::ask(|| granted, |grant| GATE.with_borrow_mut(|gate| gate.pass(grant, signal)));
}

fn signal(cause: &Cause) -> Signal {
    if let Some(status) = cause.status() {
        let pause_ms = cause.headers().get("retry-after").map_or(0.0, |seconds| 1_000.0 * whole(&seconds));
        return Signal::Answer { status: status as u16, pause_ms };
    }
    match cause.kind().as_deref() {
        None => Signal::Answer { status: 0, pause_ms: 0.0 },
        Some("pagehide") => Signal::Leave,
        Some("pageshow") if cause.persisted() => Signal::Return,
        Some("popstate" | "currententrychange" | "kruimel:moved") => Signal::Move,
        Some(_) => Signal::Attention,
    }
}

/// A whole number of decimal digits; 0 for anything else, such as a date.
fn whole(text: &str) -> f64 {
    let digit = |byte: u8| f64::from(byte.wrapping_sub(b'0'));
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.bytes().fold(0.0, |value, byte| 10.0 * value + digit(byte)) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_pause_in_seconds_is_read_and_a_date_is_none() {
        assert_eq!(whole("120"), 120.0);
        assert_eq!(whole(""), 0.0);
        assert_eq!(whole("Wed, 21 Oct 2026 07:28:00 GMT"), 0.0);
    }
}
