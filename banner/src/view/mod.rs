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

/// Hands out every entry of a list inside a record, with its place.
#[inline(never)]
pub(crate) fn each(record: &Record, list: &str, act: &mut dyn FnMut(u32, &Record)) {
    let list: Record = record.get(list).unchecked_into();
    for index in 0..list.length() {
        act(index, &list.at(index));
    }
}

/// The buttons by their `value`, a digit.
pub(crate) struct Button;

impl Button {
    pub(crate) const ACCEPT: u32 = 0;
    pub(crate) const REFUSE: u32 = 1;
    pub(crate) const SAVE: u32 = 2;
    pub(crate) const CHOOSE: u32 = 3;
}

/// The text before the first such byte, and what follows it.
#[inline(never)]
fn cut(text: &str, at: u8) -> (&str, &str) {
    let end = text.bytes().position(|byte| byte == at).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
}

/// A child, written as its tag and its attributes: `tag name=value name=value`, or a name alone for a switch.
#[inline(never)]
fn add(parent: &Element, written: &str) -> Element {
    let (tag, mut rest) = cut(written, b' ');
    let child = create(tag);
    while !rest.is_empty() {
        let (attribute, following) = cut(rest, b' ');
        let (name, value) = cut(attribute, b'=');
        child.set(name, &value.into());
        rest = following;
    }
    parent.append(&child);
    child
}

/// A child that holds nothing but a text.
#[inline(never)]
fn add_text(parent: &Element, written: &str, text: &JsValue) -> Element {
    let child = add(parent, written);
    child.append(text);
    child
}

/// A child that holds the text of this name.
#[inline(never)]
fn say(parent: &Element, written: &str, texts: &Record, name: &str) -> Element {
    add_text(parent, written, &texts.get(name))
}

/// The outermost element of a layer, with language and direction of its texts.
#[inline(never)]
fn layer(page: &Page, text: &Record, written: &str) -> Element {
    let layer = add(page.get("root").unchecked_ref(), written);
    for name in ["lang", "dir"] {
        layer.set(name, &text.get(name));
    }
    layer
}

/// The biscuit.
#[inline(never)]
fn mark(page: &Page, parent: &Element) {
    add(parent, "i").set_style(&page.get("mark"));
}

/// The three choices of a layer: accept and refuse alike, then a third.
#[inline(never)]
fn choices(parent: &Element, words: &Record, third: [&str; 2]) {
    let row = add(parent, "div class=b");
    let pair = [["button part=choice value=0", "accept"], ["button part=choice value=1", "refuse"], third];
    for [written, name] in pair {
        say(&row, written, words, name);
    }
}

/// The words of the interface.
fn words(text: &Record) -> Record {
    text.get("text").unchecked_into()
}
