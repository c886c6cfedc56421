//! The preferences: one switch per category, what is behind it, and the same choices again.

use super::text::{fill, variant};
use super::{add, add_text, choices, each, layer, list, mark, say, words};
use crate::consent::Chosen;
use crate::dom::{Page, get, named, set, sure};
use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlDialogElement};

const COLUMNS: [&str; 5] = ["name", "provider", "purpose", "duration", "party"];

/// Builds and opens the dialog. It takes the focus itself, so that no choice has it.
pub(crate) fn preferences(page: &Page, all: &Object, granted: Chosen) -> HtmlDialogElement {
    let words = words(all);
    let dialog = layer(page, all, "dialog tabindex=-1 aria-labelledby=d part=preferences");
    let dialog: HtmlDialogElement = dialog.unchecked_into();
    let head = add(&dialog, "div class=h");
    mark(page, &head);
    say(&head, "h2 id=d", &words, "settings");
    let close = add_text(&head, "button class=x value=4", &"×".into());
    for name in ["aria-label", "title"] {
        set(&close, name, &get(&words, "close"));
    }
    let form = add(&dialog, "form tabindex=0");
    add_text(&form, "p class=q", &fill(get(&words, "intro"), "{days}", &get(all, "days")));
    each(all, "categories", &mut |index, described| {
        category(&form, described, &words, index, granted.has(index));
    });
    choices(&dialog, &words, ["button part=more class=o value=2", "save"]);
    sure(dialog.show_modal());
    sure(dialog.focus());
    dialog
}

/// The first category is `necessary`: on, and not to be switched.
fn category(form: &Element, category: &Object, words: &Object, index: u32, on: bool) {
    let article = add(form, "article");
    let label = add(&article, "label");
    say(&label, "h3", category, "title");
    let switch = add(&label, "input type=checkbox role=switch");
    for (name, set) in [("checked", on), ("disabled", index == 0)] {
        if set {
            sure(switch.set_attribute(name, name));
        }
    }
    let id = fill("c{}".into(), "{}", &index.into());
    set(&switch, "aria-describedby", &id);
    set(&switch, "name", &get(category, "name"));
    set(&say(&article, "p", category, "description"), "id", &id);
    let count = list(category, "services").length();
    if count > 0 {
        let details = add(&article, "details");
        let count = count.into();
        let text = variant(words, "services_{}", &count, "services_many");
        add_text(&details, "summary", &fill(text, "{count}", &count));
        each(category, "services", &mut |_, declared| service(&details, declared, words));
    }
}

fn service(details: &Element, service: &Object, words: &Object) {
    let block = add(details, "div");
    say(&block, "h4", service, "name");
    let provided = fill(get(words, "provided"), "{purpose}", &get(service, "purpose"));
    add_text(&block, "p class=q", &fill(provided, "{provider}", &get(service, "provider")));
    let mut body: Option<Element> = None;
    each(service, "cookies", &mut |_, cookie| {
        let body = body.get_or_insert_with(|| table(&block, &get(service, "name"), words));
        let row = add(body, "tr role=row");
        for column in COLUMNS {
            let value = get(cookie, column);
            let value = if column == "party" { named(words, &value) } else { value };
            set(&cell(&row, column, &value), "data-h", &get(words, column));
        }
    });
}

/// The name leads its row; it keeps its own direction in a text from right to left.
fn cell(row: &Element, column: &str, value: &JsValue) -> Element {
    if column != "name" {
        return add_text(row, "td role=cell", value);
    }
    let head = add(row, "th role=rowheader scope=row");
    add_text(&head, "bdi", value);
    head
}

/// A table with its caption and head; the part that takes the rows.
fn table(block: &Element, service: &JsValue, words: &Object) -> Element {
    let table = add(block, "table role=table");
    add_text(&table, "caption", &fill(get(words, "cookies_of"), "{service}", service));
    let head = add(&add(&table, "thead role=rowgroup"), "tr role=row");
    for column in COLUMNS {
        say(&head, "th role=columnheader scope=col", words, column);
    }
    add(&table, "tbody role=rowgroup")
}
