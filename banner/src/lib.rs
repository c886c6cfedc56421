//! The banner: draws the two layers, and tells what a press of a button means.
//!
//! In: the texts of one language, each press as the browser's event (`web-sys`) on the clock of `js-sys`, and what is
//! switched on (through `entry.js`). Out: elements in the shadow root, and each decision as its action, its surface and its categories.
//! `dom.rs` draws through `page.js`, which knows elements and texts by numbers: a table of them in here costs 800 bytes. `entry.js` opens and closes the layers, `switches.js` lets the switches follow one another, `decide.js`
//! writes a decision down and sends it, `erase.js` removes cookies: a text that crosses into the module costs more bytes
//! there than the work on it. The layers that are there are the only state, with the time of the last.
//!
//! Invariants: only a visitor's own press of a button, half a second after the layer appeared, or a call that `entry.js`
//! saw a gesture for, grants anything; refusing and taking back need no such proof; closing, Escape and a click beside it
//! change nothing.

mod consent;
mod dom;
#[cfg(target_arch = "wasm32")]
mod heap;
mod view;

use consent::{Chosen, Decision};
use core::cell::Cell;
use js_sys::Date;
use view::Button;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Event;
use wire::Surface;

/// A press that grants is ignored for this long after a layer appeared: it was meant for what was there before.
const GUARD_MS: f64 = 500.0;

thread_local! {
    /// When the last layer was drawn.
    static SHOWN_AT: Cell<f64> = const { Cell::new(0.0) };
}

/// Draws the first layer, or the preferences.
#[wasm_bindgen]
pub fn draw(preferences: bool) {
    match preferences {
        true => view::preferences(),
        false => view::notice(),
    }
    SHOWN_AT.set(Date::now());
}

/// A button was pressed; the number is that of `view::Button`. `before` are the categories granted, and `on` those that
/// are switched on, a bit for each. What a script pressed, or a finger before the visitor could read, grants nothing.
#[wasm_bindgen]
pub fn press(event: &Event, button: u32, preferences: bool, before: u32, on: u32) {
    let before = Chosen::from_bits(before);
    let surface = if preferences { Surface::Preferences } else { Surface::Notice };
    let decision = match button {
        Button::ACCEPT => Decision::accept(surface),
        Button::REFUSE => Decision::refuse(before, surface),
        _ => Decision::save(before, Chosen::from_bits(on), surface),
    };
    // A busy page hears of a press some time after it was made.
    let made_at = Date::now() - (dom::now() - event.time_stamp());
    decide(&decision, event.is_trusted() && made_at - SHOWN_AT.get() > GUARD_MS);
}

/// The page calls for these categories, a bit for each. Without a gesture of the visitor it grants nothing.
#[wasm_bindgen]
pub fn call(gestured: bool, before: u32, on: u32) {
    decide(&Decision::save(Chosen::from_bits(before), Chosen::from_bits(on), Surface::Api), gestured);
}

/// Hands a decision over; one that is not `deliberate` only if it grants nothing.
fn decide(decision: &Decision, deliberate: bool) {
    if deliberate || decision.chosen == Chosen::NECESSARY {
        dom::decided(decision.action.name(), decision.surface.name(), decision.chosen.bits());
    }
}
