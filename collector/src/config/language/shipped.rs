//! The texts that ship in every language: one file a language, embedded, read once when first asked for.
//!
//! In: a [`Language`]. Out: its [`Shipped`] texts. Invariant: every file has every text with the same places to fill,
//! as the banner's own tests prove.

use super::Language;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The texts of one language.
#[derive(Debug, Deserialize)]
pub(crate) struct Shipped {
    /// The words of the banner.
    pub(crate) text: BTreeMap<String, String>,
    /// Title and description of the four default categories.
    pub(crate) categories: BTreeMap<String, CategoryTexts>,
    /// How Kruimel declares itself.
    own: BTreeMap<String, String>,
    /// Durations.
    pub(super) kept: KeptTexts,
}

/// What a default category says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct CategoryTexts {
    /// Its title.
    pub(crate) title: String,
    /// What it is for.
    pub(crate) description: String,
}

/// Durations in words. Of each unit the forms that the language has, in the order of [`super::plural::form`].
#[derive(Debug, Deserialize)]
pub(super) struct KeptTexts {
    pub(super) session: String,
    pub(super) until_removed: String,
    pub(super) minutes: Vec<String>,
    pub(super) hours: Vec<String>,
    pub(super) days: Vec<String>,
    pub(super) weeks: Vec<String>,
    pub(super) months: Vec<String>,
    pub(super) years: Vec<String>,
}

static SHIPPED: [OnceLock<Shipped>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];

impl Language {
    /// The texts that ship in this language.
    pub(crate) fn shipped(self) -> &'static Shipped {
        SHIPPED[self as usize].get_or_init(|| {
            serde_json::from_str(self.file()).expect("the shipped texts are JSON, as a test proves")
        })
    }
}

impl Shipped {
    /// A text of Kruimel's own declaration.
    pub(crate) fn own(&self, name: &str) -> &str {
        self.own.get(name).map_or("", String::as_str)
    }
}
