//! The page, as `entry.js` hands it over, and what it takes to work on it with `web-sys` and `js-sys`.
//!
//! A text travels from the loader's texts into the page as a JavaScript value, without being copied into the module and
//! out again. Invariant: only calls are made that cannot fail with what this module gives them.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Document, Element, Node, ShadowRoot};

#[wasm_bindgen]
extern "C" {
    /// What `entry.js` hands over.
    pub type Page;
    /// Where the banner is drawn.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn root(this: &Page) -> ShadowRoot;
    /// The style that shows the biscuit.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn mark(this: &Page) -> JsValue;
    /// Where in the window the first layer lies.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn position(this: &Page) -> JsValue;
    /// The categories that the page applies at the moment, a bit for each.
    #[wasm_bindgen(method)]
    pub(crate) fn granted(this: &Page) -> u32;
    /// Applies a decision in the page and tells the collector.
    #[wasm_bindgen(method)]
    pub(crate) fn decide(this: &Page, action: &str, surface: &str, chosen: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn emit(this: &Page, name: &str, modal: &str);
}

/// What a call answers that cannot fail here; if it did, the module would stop, as it does at an exception.
pub(crate) fn sure<T, E>(outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|_| std::process::abort())
}

/// A member of the texts or of the declaration.
#[inline(never)]
pub(crate) fn get(record: &Object, name: &str) -> JsValue {
    named(record, &name.into())
}

#[inline(never)]
pub(crate) fn named(record: &Object, name: &JsValue) -> JsValue {
    sure(Reflect::get(record, name))
}

/// The document in which a node lives; only a document itself lives in none.
pub(crate) fn document(node: &Node) -> Document {
    sure(node.owner_document().ok_or(()))
}

/// Sets an attribute to a text; `set_attribute` of `web-sys` would have it copied into the module.
#[inline(never)]
pub(crate) fn set(element: &Element, name: &str, value: &JsValue) {
    let attribute = sure(document(element).create_attribute(name));
    sure(Reflect::set(&attribute, &"value".into(), value));
    sure(element.set_attribute_node(&attribute));
}

/// Adds a text at the end.
#[inline(never)]
pub(crate) fn append(element: &Element, text: &JsValue) {
    sure(element.append_with_str(&Array::of1(text)));
}
