//! Texts with places to fill, as JavaScript values.

use crate::dom::Record;
use wasm_bindgen::{JsCast, JsValue};

/// The text with a place filled. What fills it is never read as a pattern.
#[inline(never)]
pub(super) fn fill(text: JsValue, place: &str, value: &JsValue) -> JsValue {
    text.unchecked_into::<Record>().split(place).join(value)
}

/// The text whose name ends in this value, or else in `other`.
#[inline(never)]
pub(super) fn variant(words: &Record, name: &str, value: &JsValue, other: &str) -> JsValue {
    let known = words.named(&fill(name.into(), "{}", value));
    if known.is_undefined() { words.get(other) } else { known }
}
