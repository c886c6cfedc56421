//! The few facts of the site that a decision needs, read once from the loader's config and the texts.

use crate::consent::Chosen;
use crate::dom::Record;
use wasm_bindgen::{JsCast, JsValue};

/// The site's side of every decision.
pub(crate) struct Config {
    pub(crate) site: String,
    pub(crate) revision: u32,
    pub(crate) days: u32,
    /// Domain of the cookie where the choice covers subdomains; empty for this host alone.
    pub(crate) domain: String,
    /// `necessary` first.
    pub(crate) categories: Vec<String>,
    pub(crate) language: String,
    /// The hash of the texts that are shown.
    pub(crate) text: String,
}

impl Config {
    pub(crate) fn read(config: &Record, text: &Record) -> Config {
        let names: Record = config.get("categories").unchecked_into();
        Config {
            site: string(&config.get("site")),
            revision: number(&config.get("revision")),
            days: number(&config.get("days")),
            domain: string(&config.get("domain")),
            categories: (0..names.length()).map(|index| string(&names.at(index))).collect(),
            language: string(&text.get("lang")),
            text: string(&text.get("hash")),
        }
    }

    /// Every category of the site.
    pub(crate) fn all(&self) -> Chosen {
        self.chosen_by(|_| true)
    }

    /// Those that `wanted` names, and `necessary`.
    pub(crate) fn chosen_by(&self, wanted: impl Fn(&str) -> bool) -> Chosen {
        let mut chosen = Chosen::NECESSARY;
        for (index, name) in self.categories.iter().enumerate() {
            if wanted(name) {
                chosen = chosen.with(index);
            }
        }
        chosen
    }
}

/// Empty where it is no text.
pub(crate) fn string(value: &JsValue) -> String {
    value.as_string().unwrap_or_default()
}

/// Zero where it is no number.
pub(crate) fn number(value: &JsValue) -> u32 {
    value.as_f64().unwrap_or_default() as u32
}
