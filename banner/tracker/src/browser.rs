//! Everything that the tracker asks of the browser, each as the one call it is.
//!
//! In: nothing but the page. Out: plain values. The bindings are written out here instead of taken from `web-sys`,
//! whose `Option`s and type checks on the way to `document` cost about a kilobyte. Invariant: nothing here decides.

use wasm_bindgen::prelude::*;
use wire::{BatchId, HexId};

#[wasm_bindgen]
extern "C" {
    /// Something that dispatches events.
    pub type Target;
    #[wasm_bindgen(method, js_name = addEventListener)]
    pub fn listen(this: &Target, event: &str, callback: &JsValue);
    #[wasm_bindgen(method, js_name = removeEventListener)]
    pub fn unlisten(this: &Target, event: &str, callback: &JsValue);

    #[wasm_bindgen(extends = Target)]
    type Window;
    #[wasm_bindgen(method, getter)]
    fn navigation(this: &Window) -> Option<Target>;
    #[wasm_bindgen(method, getter, js_name = innerWidth)]
    fn inner_width(this: &Window) -> f64;
    #[wasm_bindgen(thread_local_v2, js_name = window)]
    static WINDOW: Window;

    #[wasm_bindgen(extends = Target)]
    type Document;
    #[wasm_bindgen(method, getter)]
    fn cookie(this: &Document) -> String;
    #[wasm_bindgen(method, setter)]
    fn set_cookie(this: &Document, text: &str);
    #[wasm_bindgen(method, getter)]
    fn title(this: &Document) -> String;
    #[wasm_bindgen(method, getter)]
    fn referrer(this: &Document) -> String;
    #[wasm_bindgen(method, getter)]
    fn hidden(this: &Document) -> bool;
    #[wasm_bindgen(method, js_name = hasFocus)]
    fn has_focus(this: &Document) -> bool;
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Document;

    type Location;
    #[wasm_bindgen(method, getter)]
    fn protocol(this: &Location) -> String;
    #[wasm_bindgen(method, getter)]
    fn hostname(this: &Location) -> String;
    #[wasm_bindgen(method, getter)]
    fn pathname(this: &Location) -> String;
    #[wasm_bindgen(method, getter)]
    fn search(this: &Location) -> String;
    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Location;

    type Navigator;
    #[wasm_bindgen(method, getter)]
    fn language(this: &Navigator) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = maxTouchPoints)]
    fn touch_points(this: &Navigator) -> f64;
    #[wasm_bindgen(thread_local_v2, js_name = navigator)]
    static NAVIGATOR: Navigator;

    /// Milliseconds of a clock that is never set back.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub fn now_ms() -> f64;
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_ms() -> f64;
    /// From 0 to 1, for spreading repetitions.
    #[wasm_bindgen(js_namespace = Math)]
    pub fn random() -> f64;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_random(bytes: &mut [u8]);

    /// Calls back once after so many milliseconds.
    #[wasm_bindgen(js_name = setTimeout)]
    pub fn set_timeout(callback: &JsValue, delay_ms: f64) -> f64;
    /// Takes that back.
    #[wasm_bindgen(js_name = clearTimeout)]
    pub fn clear_timeout(timer: f64);
}

/// The window, for listening.
pub fn window(listen: impl FnOnce(&Target)) {
    WINDOW.with(|window| listen(window));
}

/// The document, for listening.
pub fn document(listen: impl FnOnce(&Target)) {
    DOCUMENT.with(|document| listen(document));
}

/// The Navigation API, where the browser has it.
pub fn navigation() -> Option<Target> {
    WINDOW.with(Window::navigation)
}

/// Width of the window's inside, in CSS pixels.
pub fn viewport_width() -> u16 {
    WINDOW.with(Window::inner_width) as u16
}

/// The page's cookies that scripts may read.
pub fn cookies() -> String {
    DOCUMENT.with(Document::cookie)
}

/// Sets or removes one cookie.
pub fn set_cookie(text: &str) {
    DOCUMENT.with(|document| document.set_cookie(text));
}

/// The title at this moment.
pub fn title() -> String {
    DOCUMENT.with(Document::title)
}

/// Where the visitor came from, as the browser tells it.
pub fn referrer() -> String {
    DOCUMENT.with(Document::referrer)
}

/// Whether the page is visible, and whether it has the focus.
pub fn attention() -> (bool, bool) {
    DOCUMENT.with(|document| (!document.hidden(), document.has_focus()))
}

/// Whether the page came over TLS.
pub fn is_secure() -> bool {
    LOCATION.with(Location::protocol) == "https:"
}

/// The host of the page, without port.
pub fn host() -> String {
    LOCATION.with(Location::hostname)
}

/// The path of the page.
pub fn path() -> String {
    LOCATION.with(Location::pathname)
}

/// The query of the page, for its campaign parameters.
pub fn query() -> String {
    LOCATION.with(Location::search)
}

/// The first preferred language.
pub fn language() -> String {
    NAVIGATOR.with(Navigator::language).unwrap_or_default()
}

/// Points that a touch screen can tell apart.
pub fn touch_points() -> u8 {
    NAVIGATOR.with(Navigator::touch_points) as u8
}

/// Seconds since 1970, as this machine believes.
pub fn now_s() -> u32 {
    (date_ms() / 1_000.0) as u32
}

/// A random id that is not zero.
pub fn hex_id() -> HexId {
    let mut bytes = [0; 8];
    fill_random(&mut bytes);
    HexId(u64::from_le_bytes(bytes).max(1))
}

/// A random UUID, version 4 (RFC 9562, section 5.4).
pub fn batch_id() -> BatchId {
    let mut bytes = [0; 16];
    fill_random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    BatchId(u128::from_be_bytes(bytes))
}
