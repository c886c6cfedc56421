//! Texts with places to fill, as JavaScript values.

use crate::dom::{get, named};
use js_sys::{JsString, Object};
use wasm_bindgen::{JsCast, JsValue};

/// The text with a place filled. What fills it is never read as a pattern.
#[inline(never)]
pub(super) fn fill(text: JsValue, place: &str, value: &JsValue) -> JsValue {
    let pieces = text.unchecked_into::<JsString>().split(place);
    let mut filled = pieces.get(0);
    for index in 1..pieces.length() {
        let before: JsString = filled.unchecked_into();
        filled = before.concat(value).concat(&pieces.get(index)).into();
    }
    filled
}

/// The text whose name ends in this value, or else in `other`.
#[inline(never)]
pub(super) fn variant(words: &Object, name: &str, value: &JsValue, other: &str) -> JsValue {
    let known = named(words, &fill(name.into(), "{}", value));
    if known.is_undefined() { get(words, other) } else { known }
}
