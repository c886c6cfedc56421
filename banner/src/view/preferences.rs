//! The preferences: one switch per category, what is behind it, and the same choices again.

use super::{add, add_text, choices, each, layer, mark, text, words};
use crate::config::string;
use crate::dom::{Element, Page, Record};
use wasm_bindgen::{JsCast, JsValue};

const COLUMNS: [&str; 5] = ["name", "provider", "purpose", "duration", "party"];

/// Builds and opens the dialog. It takes the focus itself, so that no choice has it.
pub(crate) fn preferences(page: &Page, all: &Record) -> Element {
    let words = words(all);
    let dialog = layer(page, all, "dialog", "autofocus tabindex=-1 aria-labelledby=d part=preferences");
    let head = add(&dialog, "div", "class=h");
    mark(page, &head);
    add_text(&head, "h2", "id=d", &words.get("settings"));
    let close = add_text(&head, "button", "value=close", &"×".into());
    close.set("class", &"o x".into());
    for name in ["aria-label", "title"] {
        close.set(name, &words.get("close"));
    }
    let form = add(&dialog, "form", "tabindex=0");
    add_text(&form, "p", "class=q", &text::fill(words.get("intro"), "{days}", &all.get("days")));
    let mut index = 0;
    each(all, "categories", |described| {
        category(page, &form, described, &words, index);
        index += 1;
    });
    choices(&dialog, &words, "save");
    dialog.show_modal();
    dialog
}

fn category(page: &Page, form: &Element, category: &Record, words: &Record, index: u32) {
    let article = add(form, "article", "");
    let label = add(&article, "label", "");
    add_text(&label, "h3", "", &category.get("title"));
    let name = string(&category.get("name"));
    let switch = add(&label, "input", "type=checkbox role=switch");
    let description = text::fill("c{}".into(), "{}", &index.into());
    switch.set("aria-describedby", &description);
    switch.set("name", &category.get("name"));
    if page.granted(&name) {
        switch.set("checked", &"".into());
    }
    if name == "necessary" {
        switch.set("disabled", &"".into());
    }
    add_text(&article, "p", "", &category.get("description")).set("id", &description);
    let services: Record = category.get("services").unchecked_into();
    let count = services.length();
    if count > 0 {
        let details = add(&article, "details", "");
        let names = ["services_many", "services_one", "services_many"];
        add_text(&details, "summary", "", &text::counted(words, names, "{count}", count));
        each(category, "services", |declared| service(&details, declared, words));
    }
}

fn service(details: &Element, service: &Record, words: &Record) {
    let block = add(details, "div", "");
    add_text(&block, "h4", "", &service.get("name"));
    let provider = text::fill(words.get("provided"), "{provider}", &service.get("provider"));
    add_text(&block, "p", "class=q", &text::fill(provider, "{purpose}", &service.get("purpose")));
    let mut body: Option<Element> = None;
    each(service, "cookies", |cookie| {
        let body = body.get_or_insert_with(|| table(&block, &service.get("name"), words));
        let row = add(body, "tr", "role=row");
        for column in COLUMNS {
            let value = if column == "party" { words.get(&string(&cookie.get(column))) } else { cookie.get(column) };
            cell(&row, column, &value).set("data-h", &words.get(column));
        }
    });
}

/// The name leads its row; it keeps its own direction in a text from right to left.
fn cell(row: &Element, column: &str, value: &JsValue) -> Element {
    if column != "name" {
        return add_text(row, "td", "role=cell", value);
    }
    let head = add(row, "th", "role=rowheader scope=row");
    add_text(&head, "bdi", "", value);
    head
}

/// A table with its caption and head; the part that takes the rows.
fn table(block: &Element, service: &JsValue, words: &Record) -> Element {
    let table = add(block, "table", "role=table");
    add_text(&table, "caption", "", &text::fill(words.get("cookies_of"), "{service}", service));
    let head = add(&add(&table, "thead", "role=rowgroup"), "tr", "role=row");
    for column in COLUMNS {
        add_text(&head, "th", "role=columnheader scope=col", &words.get(column));
    }
    add(&table, "tbody", "role=rowgroup")
}
