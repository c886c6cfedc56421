//! The first layer: who asks, what for, who else takes part, that it can be withdrawn, and three choices of one size.

use super::text::{fill, variant};
use super::{add, choices, each, layer, mark, say, words};
use crate::dom::{Element, Page, Record};
use wasm_bindgen::{JsCast, JsValue};

/// Builds it at its place; the visitor's focus stays where it is.
pub(crate) fn notice(page: &Page, all: &Record) -> Element {
    let words = words(all);
    let section = layer(page, all, "section aria-labelledby=h part=notice");
    section.set("class", &page.get("position"));
    let body = add(&section, "div tabindex=0");
    let heading = add(&body, "h2 id=h");
    mark(page, &heading);
    heading.append(&words.get("title"));
    let paragraph = add(&body, "p");
    paragraph.append(&sentence(all, &words));
    say(&paragraph, "a", &words, "policy").set("href", &all.get("policy"));
    choices(&section, &words, ["button part=more class=o value=3", "choose"]);
    section
}

fn sentence(all: &Record, words: &Record) -> JsValue {
    let parties = all.get("parties");
    let sentence =
        fill(words.get("ask"), "{others}", &variant(words, "parties_{}", &parties, "parties_many"));
    let sentence = fill(sentence, "{parties}", &parties);
    let sentence = fill(sentence, "{purposes}", &purposes(all, words));
    fill(sentence, "{controller}", &all.get("controller"))
}

/// What each optional category is for, `a, b and c`; where the site defined it, in the words of its title. Each step
/// leaves one `{}` for what is still to come.
fn purposes(all: &Record, words: &Record) -> JsValue {
    let mut sentence = JsValue::from_str("{}");
    let mut to_come = all.get("categories").unchecked_into::<Record>().length();
    each(all, "categories", &mut |index, category| {
        to_come -= 1;
        if index > 0 {
            let text = variant(words, "purpose_{}", &category.get("name"), "purpose_other");
            let follows = match to_come {
                0 => "{0}".into(),
                1 => words.get("and"),
                _ => "{0}, {}".into(),
            };
            let purpose = fill(text, "{title}", &category.get("title"));
            sentence = fill(sentence.clone(), "{}", &fill(follows, "{0}", &purpose));
        }
    });
    sentence
}
