//! What the visitor sees: the first layer and the preferences, built element by element into the shadow root.
//!
//! In: texts and declaration as JavaScript values, the page's state. Out: elements. Invariants: text becomes text nodes
//! and attributes, never markup; accept and refuse come from one function and are alike in everything but their words.

mod notice;
mod preferences;
mod text;

pub(crate) use notice::notice;
pub(crate) use preferences::preferences;

use crate::dom::{Page, append, document, get, set, sure};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Node};

/// Hands out every entry of a list inside a record, with its place.
#[inline(never)]
fn each(record: &Object, name: &str, act: &mut dyn FnMut(u32, &Object)) {
    let list = list(record, name);
    for index in 0..list.length() {
        act(index, list.get(index).unchecked_ref());
    }
}

/// A list inside a record.
fn list(record: &Object, name: &str) -> Array {
    get(record, name).unchecked_into()
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
fn add(parent: &Node, written: &str) -> Element {
    let (tag, mut rest) = cut(written, b' ');
    let child = sure(document(parent).create_element(tag));
    while !rest.is_empty() {
        let (attribute, following) = cut(rest, b' ');
        let (name, value) = cut(attribute, b'=');
        sure(child.set_attribute(name, value));
        rest = following;
    }
    sure(parent.append_child(&child));
    child
}

/// A child that holds nothing but a text.
#[inline(never)]
fn add_text(parent: &Element, written: &str, text: &JsValue) -> Element {
    let child = add(parent, written);
    append(&child, text);
    child
}

/// A child that holds the text of this name.
#[inline(never)]
fn say(parent: &Element, written: &str, texts: &Object, name: &str) -> Element {
    add_text(parent, written, &get(texts, name))
}

/// The outermost element of a layer, with language and direction of its texts.
#[inline(never)]
fn layer(page: &Page, text: &Object, written: &str) -> Element {
    let layer = add(&page.root(), written);
    for name in ["lang", "dir"] {
        set(&layer, name, &get(text, name));
    }
    layer
}

/// The biscuit.
#[inline(never)]
fn mark(page: &Page, parent: &Element) {
    sure(Reflect::set(&add(parent, "i"), &"style".into(), &page.mark()));
}

/// The three choices of a layer: accept and refuse alike, then a third.
#[inline(never)]
fn choices(parent: &Element, words: &Object, third: [&str; 2]) {
    let row = add(parent, "div class=b");
    let pair = [["button part=choice value=0", "accept"], ["button part=choice value=1", "refuse"], third];
    for [written, name] in pair {
        say(&row, written, words, name);
    }
}

/// The words of the interface.
fn words(text: &Object) -> Object {
    get(text, "text").unchecked_into()
}
