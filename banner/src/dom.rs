//! What the module asks of the browser, and nothing more.
//!
//! These are the calls that `web-sys` would bring, narrowed: a text travels from the loader's texts into the page as a
//! JavaScript value, without being copied into the module and out again, and every name here costs bytes of glue.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// What `entry.js` hands over: the loader's own handover, `decide` and `emit`.
    pub type Page;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn config(this: &Page) -> Record;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn root(this: &Page) -> Element;
    /// The style of an element that draws the mark.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn mark(this: &Page) -> JsValue;
    /// Whether the page applies a grant of this category at the moment.
    #[wasm_bindgen(method)]
    pub(crate) fn granted(this: &Page, category: &str) -> bool;
    /// Applies a decision in the page and tells the collector; `cookie` is set where it cannot be told.
    #[wasm_bindgen(method)]
    pub(crate) fn decide(this: &Page, kept: &str, cookie: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn emit(this: &Page, name: &str, modal: &str);

    /// Any JavaScript object whose members are read by name: the texts, the declaration, the config.
    pub type Record;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(crate) fn get(this: &Record, name: &str) -> JsValue;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(crate) fn at(this: &Record, index: u32) -> Record;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn length(this: &Record) -> u32;
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
    #[wasm_bindgen(method)]
    pub(crate) fn closest(this: &Element, selector: &str) -> Option<Element>;
    #[wasm_bindgen(method, js_name = querySelector)]
    pub(crate) fn find(this: &Element, selector: &str) -> Option<Element>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn value(this: &Element) -> String;
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_style(this: &Element, style: &JsValue);

    pub type Event;
    #[wasm_bindgen(method, getter, js_name = type)]
    pub(crate) fn kind(this: &Event) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn target(this: &Event) -> Element;
    #[wasm_bindgen(method, getter, js_name = isTrusted)]
    pub(crate) fn is_trusted(this: &Event) -> bool;
    #[wasm_bindgen(method, js_name = preventDefault)]
    pub(crate) fn prevent_default(this: &Event);

    #[wasm_bindgen(js_namespace = Date)]
    pub(crate) fn now() -> f64;

    type Document;
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Document;
    #[wasm_bindgen(method, getter)]
    fn cookie(this: &Document) -> String;
    #[wasm_bindgen(method, setter)]
    fn set_cookie(this: &Document, cookie: &str);

    type Location;
    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Location;
    #[wasm_bindgen(method, getter)]
    fn hostname(this: &Location) -> String;
    #[wasm_bindgen(method, getter)]
    fn pathname(this: &Location) -> String;
    #[wasm_bindgen(method, getter)]
    fn protocol(this: &Location) -> String;
}

pub(crate) fn cookies() -> String {
    DOCUMENT.with(Document::cookie)
}

pub(crate) fn write_cookie(cookie: &str) {
    DOCUMENT.with(|document| document.set_cookie(cookie));
}

pub(crate) fn hostname() -> String {
    LOCATION.with(Location::hostname)
}

pub(crate) fn pathname() -> String {
    LOCATION.with(Location::pathname)
}

pub(crate) fn protocol() -> String {
    LOCATION.with(Location::protocol)
}
