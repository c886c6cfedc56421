//! Texts with places to fill, as JavaScript values.

use crate::dom::Record;
use wasm_bindgen::{JsCast, JsValue};

/// The text with a place filled. What fills it is never read as a pattern.
#[inline(never)]
pub(super) fn fill(text: JsValue, place: &str, value: &JsValue) -> JsValue {
    text.unchecked_into::<Record>().split(place).join(value)
}
