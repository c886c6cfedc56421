//! Texts with places to fill, as JavaScript values.

use crate::dom::Record;
use wasm_bindgen::{JsCast, JsValue};

/// The text of this name with a place filled. What fills it is never read as a pattern.
pub(super) fn fill(text: JsValue, place: &str, value: &JsValue) -> JsValue {
    text.unchecked_into::<Record>().split(place).join(value)
}

/// The text for a count: `name_zero`, `name_one` or `name_many`.
pub(super) fn counted(words: &Record, names: [&str; 3], place: &str, count: u32) -> JsValue {
    fill(words.get(names[count.min(2) as usize]), place, &count.into())
}

/// The purposes in one sentence, `a, b and c`. Each step leaves one `{}` for what is still to come.
pub(super) fn list(words: &Record, purposes: &[JsValue]) -> JsValue {
    let mut sentence = JsValue::from_str("{}");
    for (index, purpose) in purposes.iter().enumerate() {
        sentence = fill(sentence, "{}", purpose);
        let link = match purposes.len() - index {
            1 => break,
            2 => words.get("and"),
            _ => ", {}".into(),
        };
        sentence = fill(fill("{sentence}{link}".into(), "{sentence}", &sentence), "{link}", &link);
    }
    sentence
}
