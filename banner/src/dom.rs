//! The page, as `page.js` gives it to the module: each value by its place in a list there.
//!
//! A text travels from the loader's texts into the page without being copied into the module and out again. Invariant:
//! only calls are made that cannot fail with what this module gives them; if one did, drawing would stop there.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// The clock of events; it never goes back.
    #[wasm_bindgen(js_namespace = performance)]
    pub(crate) fn now() -> f64;
}

/// A value of the page, by its place: an element, a text, a record of texts, a list. It holds until the drawing is done.
pub(crate) type Value = u32;

/// Where the banner is drawn.
pub(crate) const ROOT: Value = 0;
/// The texts and the declaration.
pub(crate) const ALL: Value = 1;

// The path is that from the glue in banner/pkg.
#[wasm_bindgen(raw_module = "../src/page.js")]
extern "C" {
    /// Adds a child, written as its tag and its attributes: `tag name=value name=value`, or a name alone for a switch.
    pub(crate) fn add(parent: Value, written: &str) -> Value;
    /// Adds a child that begins with a text.
    pub(crate) fn add_text(parent: Value, written: &str, text: Value) -> Value;
    /// Adds a child that begins with the text of this name.
    pub(crate) fn say(parent: Value, written: &str, texts: Value, name: &str) -> Value;
    /// Writes a long text into an element, each word painted for itself.
    pub(crate) fn write(element: Value, text: Value);
    /// Adds the biscuit.
    pub(crate) fn add_mark(parent: Value);
    /// Sets an attribute.
    pub(crate) fn set(element: Value, name: &str, value: Value);

    /// A member of a record.
    pub(crate) fn get(record: Value, name: &str) -> Value;
    /// The member of that name.
    pub(crate) fn get_by(record: Value, name: Value) -> Value;
    /// An entry of a list.
    pub(crate) fn at(list: Value, index: u32) -> Value;
    /// How many entries a list has.
    pub(crate) fn length(list: Value) -> u32;
    /// Whether a record has this member.
    pub(crate) fn has(record: Value, name: &str) -> bool;
    /// The text whose name begins so and ends in the value, or else the other.
    pub(crate) fn variant(texts: Value, name: &str, value: Value, other: &str) -> Value;
    /// A text of the module's.
    pub(crate) fn text(text: &str) -> Value;
    /// The text with a place filled.
    pub(crate) fn fill(text: Value, place: &str, value: Value) -> Value;

    /// Hands over a decision.
    pub(crate) fn decided(action: &str, surface: &str, chosen: u32);
}
