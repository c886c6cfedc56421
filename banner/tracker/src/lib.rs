//! The tracker: turns what a consenting visitor does into batches for the collector.
//!
//! The loader fetches this module only while analytics is granted and the receipt is signed. Everything that happens
//! comes in through one door, [`wake`], where the choice is read first: without a grant the gate closes before
//! anything else is looked at.
//!
//! In: the page's events. Out: `POST /kruimel/events` with a [`wire::Batch`]. The path of an event:
//! `browser.js` -> [`wake`] -> [`Grant`] -> `tracker` -> `observe/` -> `queue` -> `write` -> `transport`.
//!
//! Invariant: nothing is observed, kept or sent while the gate is closed, and no formatting code is in the module.

#![deny(unsafe_code)]

mod browser;
mod gate;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "an allocator cannot do without")]
mod heap;
mod listeners;
mod observe;
mod queue;
mod tracker;
mod transport;
mod visit;
mod write;

pub use gate::Grant;

use gate::Gate;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use tracker::{Signal, Tracker};
use wasm_bindgen::prelude::*;

thread_local! {
    // Lives as long as the page; registering a destructor for its end would only cost bytes.
    static GATE: ManuallyDrop<RefCell<Gate>> = const { ManuallyDrop::new(RefCell::new(Gate::Closed)) };
}

/// Opens the gate, if the choice still says so. Once per instance of the module.
#[wasm_bindgen]
pub fn start() {
    Grant::ask(browser::is_granted, |grant| {
        if let Some(grant) = grant {
            let open = Gate::Open(Box::new(Tracker::open(&grant)));
            GATE.with(|gate| gate.replace(open));
        }
    });
}

/// Something happened: a signal by its number (see `tracker.rs`), and with an answer its status and the pause that it asks for.
#[wasm_bindgen]
pub fn wake(signal: u8, status: u16, pause_ms: f64) {
    // The choice is read before the gate is touched, because reading it runs the loader, which may call `close`.
    Grant::ask(browser::is_granted, |grant| {
        GATE.with(|gate| gate.borrow_mut().pass(grant, Signal::of(signal, status, pause_ms)));
    });
}

/// Sends what waits.
#[wasm_bindgen]
pub fn flush() {
    wake(Signal::FLUSH, 0, 0.0);
}

/// Closes the gate: nothing more is observed, kept or sent.
#[wasm_bindgen]
pub fn close() {
    GATE.with(|gate| gate.replace(Gate::Closed));
}
