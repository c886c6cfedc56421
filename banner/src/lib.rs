//! The banner: asks the visitor, shows what may be chosen, and turns a click into a decision.
//!
//! In: the loader's handover and the texts of one language (both through `entry.js`), what was pressed inside the
//! shadow root, calls of the page's own script. Out: elements in the shadow root, and each decision as its action, its
//! surface and its categories; `entry.js` writes it down and sends it.
//!
//! Invariants: only a visitor's own press of a button, or a call that `entry.js` saw a gesture for, grants anything; a
//! press that grants is ignored right after the banner appears; closing, Escape and a click beside it change nothing.

mod consent;
mod cookie;
mod dom;
mod erase;
#[cfg(target_arch = "wasm32")]
mod heap;
mod view;

use consent::{Chosen, Decision};
use core::cell::RefCell;
use dom::{Element, Page, Record};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wire::Surface;

/// A press that grants is ignored for this long after the banner appeared: it was meant for what was there before.
const GRANT_GUARD_MS: f64 = 500.0;

struct Banner {
    page: Page,
    text: Record,
    notice: Option<Element>,
    preferences: Option<Element>,
    /// What had the visitor's attention before the preferences, and gets it back.
    opener: JsValue,
    shown_at: f64,
}

thread_local! {
    static BANNER: RefCell<Option<Banner>> = const { RefCell::new(None) };
}

/// Begins with what the loader handed over and the texts of the visitor's language.
#[wasm_bindgen]
pub fn start(page: Page, text: Record) {
    let banner =
        Banner { page, text, notice: None, preferences: None, opener: JsValue::UNDEFINED, shown_at: 0.0 };
    BANNER.with(|cell| core::mem::forget(cell.replace(Some(banner))));
}

/// Something is to be done: the `value` of a button that was pressed, or a call of the page's script by the name that
/// it has in `window.kruimel`.
///
/// `argument` is the opener of the preferences, or the categories to grant beside those granted already, a bit for
/// each. `by_visitor` says that a visitor did it and no script.
#[wasm_bindgen]
pub fn act(name: &str, argument: JsValue, by_visitor: bool) {
    BANNER.with(|cell| {
        // Nothing happens while the banner is at work: a listener of the page pressed on it from inside an event.
        if let Ok(mut banner) = cell.try_borrow_mut()
            && let Some(banner) = banner.as_mut()
        {
            banner.act(name, argument, by_visitor);
        }
    });
}

impl Banner {
    fn act(&mut self, name: &str, argument: JsValue, by_visitor: bool) {
        let before = Chosen::from_bits(self.page.granted());
        let surface = if self.preferences.is_some() { Surface::Preferences } else { Surface::Notice };
        match name {
            "show" => self.open_notice(),
            "showPreferences" => self.open_preferences(argument),
            "accept" => self.press(Decision::accept(surface), by_visitor),
            "refuse" => self.press(Decision::refuse(before, surface), by_visitor),
            "save" => self.press(Decision::save(before, self.switched_on(), surface), by_visitor),
            "acceptCategory" => {
                let wanted = Chosen::from_bits(argument.as_f64().unwrap_or_default() as u32);
                self.decide(&Decision::save(before, wanted.and(before), Surface::Api));
            }
            "withdraw" => self.decide(&Decision::refuse(before, Surface::Api)),
            "closed" => self.closed(),
            _ => self.close_preferences(),
        }
    }

    /// What a script pressed, or a finger before the visitor could read, grants nothing.
    fn press(&mut self, decision: Decision, by_visitor: bool) {
        let deliberate = by_visitor && dom::now() - self.shown_at > GRANT_GUARD_MS;
        if deliberate || decision.chosen == Chosen::NECESSARY {
            self.decide(&decision);
        }
    }

    fn switched_on(&self) -> Chosen {
        let mut on = 0;
        if let Some(dialog) = &self.preferences {
            let switches = dialog.all("article>label>input");
            for index in 0..switches.length() {
                on |= u32::from(switches.at(index).checked()) << index;
            }
        }
        Chosen::from_bits(on)
    }

    fn decide(&mut self, decision: &Decision) {
        self.page.decide(decision.action.name(), decision.surface.name(), decision.chosen.bits());
        erase::refused(&self.text, Chosen::from_bits(self.page.granted()));
        if let Some(notice) = self.notice.take() {
            notice.remove();
            self.page.emit("onModalHide", "consentModal");
        }
        self.close_preferences();
    }

    fn open_notice(&mut self) {
        if self.notice.is_none() {
            self.notice = Some(view::notice(&self.page, &self.text));
            self.shown_at = dom::now();
            self.page.emit("onModalShow", "consentModal");
        }
    }

    fn open_preferences(&mut self, opener: JsValue) {
        if self.preferences.is_none() {
            self.opener = opener;
            self.preferences = Some(view::preferences(&self.page, &self.text));
            self.shown_at = dom::now();
            self.page.emit("onModalShow", "preferencesModal");
        }
    }

    fn close_preferences(&self) {
        if let Some(dialog) = &self.preferences {
            // The event `close` follows, as it does after Escape.
            dialog.close();
        }
    }

    fn closed(&mut self) {
        if let Some(dialog) = self.preferences.take() {
            dialog.remove();
            if self.opener.is_object() {
                self.opener.unchecked_ref::<Element>().focus();
            }
            self.page.emit("onModalHide", "preferencesModal");
        }
    }
}
