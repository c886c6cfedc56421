//! What the visitor sees: the first layer and the preferences, built element by element into the shadow root.
//!
//! In: texts and declaration as JavaScript values, the page's state. Out: elements. Invariants: text becomes text nodes
//! and attributes, never markup; accept and refuse come from one function and are alike in everything but their words.

mod notice;
mod preferences;
mod text;

pub(crate) use notice::notice;
pub(crate) use preferences::preferences;

use crate::dom::{Element, Page, Record, create};
use wasm_bindgen::{JsCast, JsValue};

/// Hands out every entry of a list inside a record.
pub(crate) fn each(record: &Record, list: &str, mut act: impl FnMut(&Record)) {
    let list: Record = record.get(list).unchecked_into();
    for index in 0..list.length() {
        act(&list.at(index));
    }
}

/// A child with attributes, written `name=value` and separated by spaces; a name alone is a switch.
fn add(parent: &Element, tag: &str, attributes: &str) -> Element {
    let child = create(tag);
    for attribute in attributes.split(' ') {
        if !attribute.is_empty() {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            child.set(name, &value.into());
        }
    }
    parent.append(&child);
    child
}

/// A child that holds nothing but a text.
fn add_text(parent: &Element, tag: &str, attributes: &str, text: &JsValue) -> Element {
    let child = add(parent, tag, attributes);
    child.append(text);
    child
}

/// The outermost element of a layer: part of its name, language and direction of its texts.
fn layer(page: &Page, text: &Record, tag: &str, attributes: &str) -> Element {
    let layer = add(&page.root(), tag, attributes);
    for name in ["lang", "dir"] {
        layer.set(name, &text.get(name));
    }
    layer
}

fn mark(page: &Page, parent: &Element) {
    add(parent, "i", "").set_style(&page.mark());
}

/// The three choices of a layer: accept and refuse alike, then `more`.
fn choices(parent: &Element, words: &Record, more: &str) {
    let row = add(parent, "div", "class=b");
    for (value, kind) in [("accept", "part=choice"), ("refuse", "part=choice"), (more, "part=more class=o")] {
        add_text(&row, "button", kind, &words.get(value)).set("value", &value.into());
    }
}

/// The words of the interface.
fn words(text: &Record) -> Record {
    text.get("text").unchecked_into()
}
