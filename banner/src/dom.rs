//! What the module asks of the browser, and nothing more.
//!
//! These are the calls that `web-sys` would bring, narrowed: a text travels from the loader's texts into the page as a
//! JavaScript value, without being copied into the module and out again, and every name here costs bytes of glue.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// What `entry.js` hands over.
    #[wasm_bindgen(extends = Record)]
    pub type Page;
    /// The categories that the page applies at the moment, a bit for each.
    #[wasm_bindgen(method)]
    pub(crate) fn granted(this: &Page) -> u32;
    /// Applies a decision in the page and tells the collector.
    #[wasm_bindgen(method)]
    pub(crate) fn decide(this: &Page, action: &str, surface: &str, chosen: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn emit(this: &Page, name: &str, modal: &str);

    /// Any JavaScript value whose members are read: the texts, the declaration, a list.
    pub type Record;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(crate) fn get(this: &Record, name: &str) -> JsValue;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(crate) fn named(this: &Record, name: &JsValue) -> JsValue;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(crate) fn at(this: &Record, index: u32) -> Record;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn length(this: &Record) -> u32;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn checked(this: &Record) -> bool;
    /// `String.prototype.split`; with `join` it replaces without giving `$` a meaning.
    #[wasm_bindgen(method)]
    pub(crate) fn split(this: &Record, separator: &str) -> Record;
    #[wasm_bindgen(method)]
    pub(crate) fn join(this: &Record, separator: &JsValue) -> JsValue;

    pub type Element;
    #[wasm_bindgen(js_namespace = document, js_name = createElement)]
    pub(crate) fn create(tag: &str) -> Element;
    #[wasm_bindgen(method, js_name = setAttribute)]
    pub(crate) fn set(this: &Element, name: &str, value: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn append(this: &Element, child: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn remove(this: &Element);
    #[wasm_bindgen(method)]
    pub(crate) fn focus(this: &Element);
    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &Element);
    #[wasm_bindgen(method, js_name = showModal)]
    pub(crate) fn show_modal(this: &Element);
    #[wasm_bindgen(method, js_name = querySelectorAll)]
    pub(crate) fn all(this: &Element, selector: &str) -> Record;
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_style(this: &Element, style: &JsValue);

    #[wasm_bindgen(js_namespace = Date)]
    pub(crate) fn now() -> f64;
}
