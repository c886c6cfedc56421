//! The page: elements and events as `web-sys` has them, texts and declaration as `js-sys` does, and from `page.js` what
//! would cost more here.
//!
//! A text travels from the loader's texts into the page as a JavaScript value, without being copied into the module and
//! out again. What takes one by value is where it ends: that costs less than giving each back where it was fetched.
//! Invariant: only calls are made that cannot fail with what this module gives them; if one did, drawing would stop there.

use js_sys::{Array, JsString, Object};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Node};

#[wasm_bindgen]
extern "C" {
    /// Texts, or a part of the declaration: members by their names.
    #[wasm_bindgen(extends = Object)]
    pub type Record;
    /// A text, or a number that is written as one; undefined where there is none.
    #[wasm_bindgen(method, indexing_getter)]
    pub(crate) fn get(this: &Record, name: &str) -> JsString;
    /// The member of that name.
    #[wasm_bindgen(method, indexing_getter)]
    pub(crate) fn get_by(this: &Record, name: JsString) -> JsString;

    /// The clock of events; it never goes back.
    #[wasm_bindgen(js_namespace = performance)]
    pub(crate) fn now() -> f64;
}

impl Record {
    /// A record inside this one.
    pub(crate) fn record(&self, name: &str) -> Record {
        self.get(name).unchecked_into()
    }

    /// A list of records inside this one.
    pub(crate) fn list(&self, name: &str) -> Array<Record> {
        self.get(name).unchecked_into()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        !self.get(name).is_undefined()
    }

    /// The text whose name begins so and ends in the value, or else the other.
    pub(crate) fn variant(&self, name: &str, value: JsString, other: &str) -> JsString {
        let known = self.get_by(text(name).concat(&value));
        if known.is_undefined() { self.get(other) } else { known }
    }
}

/// A text of the module's.
pub(crate) fn text(text: &str) -> JsString {
    JsValue::from_str(text).unchecked_into()
}

/// The text with a place filled. What fills it is never read as a pattern.
#[inline(never)]
pub(crate) fn fill(text: JsString, place: &str, value: JsString) -> JsString {
    let pieces = text.split(place);
    let mut filled: JsString = pieces.get(0).unchecked_into();
    for index in 1..pieces.length() {
        filled = filled.concat(&value).concat(&pieces.get(index));
    }
    filled
}

// The path is that from the glue in banner/pkg.
#[wasm_bindgen(raw_module = "../src/page.js")]
extern "C" {
    /// Adds a child, written as its tag and its attributes: `tag name=value name=value`, or a name alone for a switch.
    pub(crate) fn add(parent: &Node, written: &str) -> Element;
    /// Adds a child that begins with a text.
    pub(crate) fn add_text(parent: &Node, written: &str, text: JsString) -> Element;
    /// Adds a child that holds the text of this name, and nothing else.
    pub(crate) fn say(parent: &Node, written: &str, texts: &Record, name: &str);
    /// Writes a long text into an element, each word painted for itself.
    pub(crate) fn write(element: &Element, text: JsString);
    /// Adds the biscuit.
    pub(crate) fn add_mark(parent: &Element);
    /// Sets an attribute.
    pub(crate) fn set(element: &Element, name: &str, value: JsString);

    /// Hands over a decision.
    pub(crate) fn decided(action: &str, surface: &str, chosen: u32);
}
