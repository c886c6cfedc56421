//! What the visitor sees: the first layer and the preferences, built element by element into the shadow root.
//!
//! In: the root, texts and declaration. Out: elements. Invariants: text becomes text nodes and attributes, never
//! markup; accept and refuse come from one function and are alike in everything but their words.

mod notice;
mod preferences;

use crate::dom::{Record, add, add_text, say, set, text, write};
use web_sys::{Element, ShadowRoot};

/// The buttons by their `value`: these two; 2 saves, 3 opens the preferences and 4 closes them.
pub(crate) struct Button;

impl Button {
    pub(crate) const ACCEPT: u32 = 0;
    pub(crate) const REFUSE: u32 = 1;
}

/// Where a layer is drawn, and from what.
pub(crate) struct View<'a> {
    root: &'a ShadowRoot,
    /// The texts and the declaration.
    all: &'a Record,
    /// The words of the interface.
    words: Record,
}

impl<'a> View<'a> {
    pub(crate) fn new(root: &'a ShadowRoot, all: &'a Record) -> View<'a> {
        View { root, words: all.record("text"), all }
    }

    /// The outermost element of a layer, with language and direction of its texts.
    #[inline(never)]
    fn layer(&self, written: &str) -> Element {
        let layer = add(self.root, written);
        for name in ["lang", "dir"] {
            set(&layer, name, self.all.get(name));
        }
        layer
    }

    /// Adds a child with this word of the interface.
    #[inline(never)]
    fn say(&self, parent: &Element, written: &str, name: &str) {
        say(parent, written, &self.words, name);
    }

    /// A button with a cross; its words are read out, and shown to a pointer.
    #[inline(never)]
    fn cross(&self, parent: &Element, written: &str, name: &str) {
        let button = add_text(parent, written, text("×"));
        for attribute in ["aria-label", "title"] {
            set(&button, attribute, self.words.get(name));
        }
    }

    /// What is said about a signal of the browser, if it sends one.
    #[inline(never)]
    fn note(&self, parent: &Element) {
        if self.all.has("note") {
            write(&add(parent, "p class=n"), self.all.get("note"));
        }
    }

    /// The switch "for this session only", where the site offers it. It is off.
    #[inline(never)]
    fn session(&self, parent: &Element) {
        if self.is_on("session") {
            let label = add(parent, "label");
            let named = add_text(&label, "span", self.words.get("session"));
            self.say(&named, "small class=q", "session_note");
            add(&label, "input type=checkbox role=switch name=session");
        }
    }

    /// Whether the site has this option; one that is off is absent.
    #[inline(never)]
    fn is_on(&self, option: &str) -> bool {
        self.all.record("options").has(option)
    }

    /// The three choices of a layer: accept and refuse alike, then a third.
    #[inline(never)]
    fn choices(&self, parent: &Element, written: &str, name: &str) {
        let row = add(parent, "div class=b");
        self.say(&row, "button part=choice value=0", "accept");
        self.say(&row, "button part=choice value=1", "refuse");
        self.say(&row, written, name);
    }
}
