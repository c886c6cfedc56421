//! The preferences: one switch per category, what is behind it, and the same choices again.

use super::text::{fill, variant};
use super::{add, add_text, choices, each, layer, mark, say, words};
use crate::consent::Chosen;
use crate::dom::{Element, Page, Record};
use wasm_bindgen::{JsCast, JsValue};

const COLUMNS: [&str; 5] = ["name", "provider", "purpose", "duration", "party"];

/// Builds and opens the dialog. It takes the focus itself, so that no choice has it.
pub(crate) fn preferences(page: &Page, all: &Record, granted: Chosen) -> Element {
    let words = words(all);
    let dialog = layer(page, all, "dialog tabindex=-1 aria-labelledby=d part=preferences");
    let head = add(&dialog, "div class=h");
    mark(page, &head);
    say(&head, "h2 id=d", &words, "settings");
    let close = add_text(&head, "button class=x value=4", &"×".into());
    for name in ["aria-label", "title"] {
        close.set(name, &words.get("close"));
    }
    let form = add(&dialog, "form tabindex=0");
    add_text(&form, "p class=q", &fill(words.get("intro"), "{days}", &all.get("days")));
    each(all, "categories", &mut |index, described| {
        category(&form, described, &words, index, granted.has(index));
    });
    choices(&dialog, &words, ["button part=more class=o value=2", "save"]);
    dialog.show_modal();
    dialog.focus();
    dialog
}

/// The first category is `necessary`: on, and not to be switched.
fn category(form: &Element, category: &Record, words: &Record, index: u32, on: bool) {
    let article = add(form, "article");
    let label = add(&article, "label");
    say(&label, "h3", category, "title");
    let switch = add(&label, "input type=checkbox role=switch");
    for (name, set) in [("checked", on), ("disabled", index == 0)] {
        if set {
            switch.set(name, &name.into());
        }
    }
    let id = fill("c{}".into(), "{}", &index.into());
    switch.set("aria-describedby", &id);
    switch.set("name", &category.get("name"));
    say(&article, "p", category, "description").set("id", &id);
    let services: Record = category.get("services").unchecked_into();
    if services.length() > 0 {
        let details = add(&article, "details");
        let count = services.get("length");
        let text = variant(words, "services_{}", &count, "services_many");
        add_text(&details, "summary", &fill(text, "{count}", &count));
        each(category, "services", &mut |_, declared| service(&details, declared, words));
    }
}

fn service(details: &Element, service: &Record, words: &Record) {
    let block = add(details, "div");
    say(&block, "h4", service, "name");
    let provided = fill(words.get("provided"), "{purpose}", &service.get("purpose"));
    add_text(&block, "p class=q", &fill(provided, "{provider}", &service.get("provider")));
    let mut body: Option<Element> = None;
    each(service, "cookies", &mut |_, cookie| {
        let body = body.get_or_insert_with(|| table(&block, &service.get("name"), words));
        let row = add(body, "tr role=row");
        for column in COLUMNS {
            let value = cookie.get(column);
            let value = if column == "party" { words.named(&value) } else { value };
            cell(&row, column, &value).set("data-h", &words.get(column));
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
fn table(block: &Element, service: &JsValue, words: &Record) -> Element {
    let table = add(block, "table role=table");
    add_text(&table, "caption", &fill(words.get("cookies_of"), "{service}", service));
    let head = add(&add(&table, "thead role=rowgroup"), "tr role=row");
    for column in COLUMNS {
        say(&head, "th role=columnheader scope=col", words, column);
    }
    add(&table, "tbody role=rowgroup")
}
