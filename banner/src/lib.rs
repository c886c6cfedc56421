//! The banner: draws the two layers, and tells what a press of a button means.
//!
//! In: the texts of one language, what was pressed and what is switched on (through `entry.js`). Out: elements in the
//! shadow root, and each decision as its action, its surface and its categories. `entry.js` opens and closes the layers,
//! `switches.js` lets the switches follow one another, `decide.js` writes a decision down and sends it, `erase.js` removes
//! cookies: what handles text and events is written in JavaScript, because what crosses into the module costs more bytes
//! there than the work on it. The layers that are there are the only state.
//!
//! Invariants: only a visitor's own press of a button, or a call that `entry.js` saw a gesture for, grants anything;
//! refusing and taking back need no such proof; closing, Escape and a click beside it change nothing.

mod consent;
mod dom;
#[cfg(target_arch = "wasm32")]
mod heap;
mod view;

use consent::{Chosen, Decision};
use view::Button;
use wasm_bindgen::prelude::wasm_bindgen;
use wire::Surface;

/// Draws the first layer, or the preferences.
#[wasm_bindgen]
pub fn draw(preferences: bool) {
    if preferences { view::preferences() } else { view::notice() }
}

/// A button was pressed, or the page calls for what it stands for; the number is that of `view::Button`. `before` are the
/// categories granted, and `on` those that are to be, a bit for each. What is not `deliberate` grants nothing: a script
/// pressed it, or a finger that meant what was there before.
#[wasm_bindgen]
pub fn decide(button: u32, surface: u32, deliberate: bool, before: u32, on: u32) {
    let before = Chosen::from_bits(before);
    let surface = match surface {
        0 => Surface::Notice,
        1 => Surface::Preferences,
        _ => Surface::Api,
    };
    let decision = match button {
        Button::ACCEPT => Decision::accept(surface),
        Button::REFUSE => Decision::refuse(before, surface),
        _ => Decision::save(before, Chosen::from_bits(on), surface),
    };
    if deliberate || decision.chosen == Chosen::NECESSARY {
        dom::decided(decision.action.name(), decision.surface.name(), decision.chosen.bits());
    }
}
