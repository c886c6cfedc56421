//! The first layer: who asks, what for, who else takes part, that it can be withdrawn, and three choices of one size.

use super::text::{fill, variant};
use super::{add, choices, each, layer, list, mark, say, words};
use crate::dom::{Page, append, get, set};
use js_sys::Object;
use wasm_bindgen::JsValue;
use web_sys::Element;

/// Builds it at its place; the visitor's focus stays where it is.
pub(crate) fn notice(page: &Page, all: &Object) -> Element {
    let words = words(all);
    let section = layer(page, all, "section aria-labelledby=h part=notice");
    set(&section, "class", &page.position());
    let body = add(&section, "div tabindex=0");
    let heading = add(&body, "h2 id=h");
    mark(page, &heading);
    append(&heading, &get(&words, "title"));
    let paragraph = add(&body, "p");
    append(&paragraph, &sentence(all, &words));
    set(&say(&paragraph, "a", &words, "policy"), "href", &get(all, "policy"));
    choices(&section, &words, ["button part=more class=o value=3", "choose"]);
    section
}

fn sentence(all: &Object, words: &Object) -> JsValue {
    let parties = get(all, "parties");
    let sentence =
        fill(get(words, "ask"), "{others}", &variant(words, "parties_{}", &parties, "parties_many"));
    let sentence = fill(sentence, "{parties}", &parties);
    let sentence = fill(sentence, "{purposes}", &purposes(all, words));
    fill(sentence, "{controller}", &get(all, "controller"))
}

/// What each optional category is for, `a, b and c`; where the site defined it, in the words of its title. Each step
/// leaves one `{}` for what is still to come.
fn purposes(all: &Object, words: &Object) -> JsValue {
    let mut sentence = JsValue::from_str("{}");
    let mut to_come = list(all, "categories").length();
    each(all, "categories", &mut |index, category| {
        to_come -= 1;
        if index > 0 {
            let text = variant(words, "purpose_{}", &get(category, "name"), "purpose_other");
            let follows = match to_come {
                0 => "{0}".into(),
                1 => get(words, "and"),
                _ => "{0}, {}".into(),
            };
            let purpose = fill(text, "{title}", &get(category, "title"));
            sentence = fill(sentence.clone(), "{}", &fill(follows, "{0}", &purpose));
        }
    });
    sentence
}
