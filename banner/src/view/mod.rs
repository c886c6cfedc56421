//! What the visitor sees: the first layer and the preferences, built element by element into the shadow root.
//!
//! In: texts and declaration, by their places. Out: elements. Invariants: text becomes text nodes and attributes, never
//! markup; accept and refuse come from one function and are alike in everything but their words.

mod notice;
mod preferences;

pub(crate) use notice::notice;
pub(crate) use preferences::preferences;

use crate::dom::{ALL, ROOT, Value, add, add_text, at, get, has, length, say, set, text, write};

/// Hands out every entry of a list inside a record, with its place.
#[inline(never)]
fn each(record: Value, name: &str, act: &mut dyn FnMut(u32, Value)) {
    let list = get(record, name);
    for index in 0..length(list) {
        act(index, at(list, index));
    }
}

/// The buttons by their `value`: these two; 2 saves, 3 opens the preferences and 4 closes them.
pub(crate) struct Button;

impl Button {
    pub(crate) const ACCEPT: u32 = 0;
    pub(crate) const REFUSE: u32 = 1;
}

/// The outermost element of a layer, with language and direction of its texts.
#[inline(never)]
fn layer(written: &str) -> Value {
    let layer = add(ROOT, written);
    for name in ["lang", "dir"] {
        set(layer, name, get(ALL, name));
    }
    layer
}

/// A button with a cross; its words are read out, and shown to a pointer.
#[inline(never)]
fn cross(parent: Value, written: &str, words: Value, name: &str) {
    let button = add_text(parent, written, text("×"));
    for attribute in ["aria-label", "title"] {
        set(button, attribute, get(words, name));
    }
}

/// What is said about a signal of the browser, if it sends one.
#[inline(never)]
fn note(parent: Value) {
    if has(ALL, "note") {
        write(add(parent, "p class=n"), get(ALL, "note"));
    }
}

/// The switch "for this session only", where the site offers it. It is off.
#[inline(never)]
fn session(words: Value, parent: Value) {
    if is_on("session") {
        let label = add(parent, "label");
        let named = say(label, "span", words, "session");
        say(named, "small class=q", words, "session_note");
        add(label, "input type=checkbox role=switch name=session");
    }
}

/// Whether the site has this option; one that is off is absent.
#[inline(never)]
fn is_on(option: &str) -> bool {
    has(get(ALL, "options"), option)
}

/// The three choices of a layer: accept and refuse alike, then a third.
#[inline(never)]
fn choices(parent: Value, words: Value, written: &str, name: &str) {
    let row = add(parent, "div class=b");
    say(row, "button part=choice value=0", words, "accept");
    say(row, "button part=choice value=1", words, "refuse");
    say(row, written, words, name);
}
