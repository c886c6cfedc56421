//! The first layer: who asks, what for, who else takes part, that it can be withdrawn, and three choices of one size.

use super::{add, add_text, choices, each, layer, mark, text, words};
use crate::config::{number, string};
use crate::dom::{Element, Page, Record};
use wasm_bindgen::JsValue;

/// Builds it at its place; the visitor's focus stays where it is.
pub(crate) fn notice(page: &Page, all: &Record) -> Element {
    let words = words(all);
    let section = layer(page, all, "section", "aria-labelledby=h part=notice");
    section.set("class", &page.config().get("position"));
    let body = add(&section, "div", "tabindex=0");
    let heading = add(&body, "h2", "id=h");
    mark(page, &heading);
    heading.append(&words.get("title"));
    let sentence = text::fill(words.get("ask"), "{controller}", &all.get("controller"));
    let sentence = text::fill(sentence, "{purposes}", &purposes(all, &words));
    let paragraph = add_text(&body, "p", "", &sentence);
    let parties = number(&all.get("parties"));
    let names = ["parties_zero", "parties_one", "parties_many"];
    for part in [text::counted(&words, names, "{parties}", parties), words.get("change")] {
        paragraph.append(&" ".into());
        paragraph.append(&part);
    }
    paragraph.append(&" ".into());
    add_text(&paragraph, "a", "", &words.get("policy")).set("href", &all.get("policy"));
    choices(&section, &words, "choose");
    section
}

/// What each optional category is for, in the site's words where it defined the category itself.
fn purposes(all: &Record, words: &Record) -> JsValue {
    let mut purposes = Vec::new();
    each(all, "categories", |category| {
        let mut name = String::from("purpose_");
        name.push_str(&string(&category.get("name")));
        let known = words.get(&name);
        if name != "purpose_necessary" {
            let other = || text::fill(words.get("purpose_other"), "{title}", &category.get("title"));
            purposes.push(if known.is_undefined() { other() } else { known });
        }
    });
    text::list(words, &purposes)
}
