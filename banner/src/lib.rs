//! The banner: asks the visitor, shows what may be chosen, and turns a click into a decision.
//!
//! In: the loader's handover and the texts of one language (both through `entry.js`), clicks inside the shadow root,
//! calls of the page's own script. Out: elements in the shadow root and, per decision, what the cookie would hold if
//! the collector cannot be reached, which carries the request to the collector inside it. `entry.js` sends it.
//!
//! Invariants: only a visitor's own click on a button, or a call that `entry.js` saw a gesture for, grants anything; a
//! click that grants is ignored right after the banner appears; closing, Escape and a click beside it change nothing.

mod config;
mod consent;
mod cookie;
mod dom;
mod erase;
#[cfg(target_arch = "wasm32")]
mod heap;
mod view;
mod write;

use config::Config;
use consent::{Chosen, Decision};
use core::cell::RefCell;
use dom::{Element, Event, Page, Record};
use wasm_bindgen::prelude::wasm_bindgen;
use wire::Surface;

/// A click that grants is ignored for this long after the banner appeared: it was meant for what was there before.
const GRANT_GUARD_MS: f64 = 500.0;

struct Banner {
    page: Page,
    text: Record,
    config: Config,
    notice: Option<Element>,
    preferences: Option<Element>,
    /// What had the visitor's attention before the preferences, and gets it back.
    opener: Option<Element>,
    shown_at: f64,
}

thread_local! {
    static BANNER: RefCell<Option<Banner>> = const { RefCell::new(None) };
}

/// Nothing happens when the banner is at work already: a listener of the page clicked on it from inside an event.
fn with_banner(act: impl FnOnce(&mut Banner)) {
    BANNER.with(|cell| {
        if let Ok(mut banner) = cell.try_borrow_mut()
            && let Some(banner) = banner.as_mut()
        {
            act(banner);
        }
    });
}

/// Begins with what the loader handed over and the texts of the visitor's language.
#[wasm_bindgen]
pub fn start(page: Page, text: Record) {
    let config = Config::read(&page.config(), &text);
    let banner = Banner { page, text, config, notice: None, preferences: None, opener: None, shown_at: 0.0 };
    BANNER.with(|cell| cell.replace(Some(banner)));
}

/// Shows the first layer.
#[wasm_bindgen]
pub fn show() {
    with_banner(|banner| {
        if banner.notice.is_none() {
            banner.notice = Some(view::notice(&banner.page, &banner.text));
            banner.shown_at = dom::now();
            banner.page.emit("onModalShow", "consentModal");
        }
    });
}

/// Shows the preferences with the current state; `opener` gets the focus back.
#[wasm_bindgen]
pub fn show_preferences(opener: Option<Element>) {
    with_banner(|banner| banner.open_preferences(opener));
}

/// Grants the named categories (separated by commas, or `all`) beside those granted already.
#[wasm_bindgen]
pub fn accept_category(names: &str) {
    with_banner(|banner| {
        let before = banner.granted();
        let all = banner.config.all();
        let chosen = banner.config.chosen_by(|name| names == "all" || names.split(',').any(|wanted| wanted == name));
        banner.decide(Decision::save(before, chosen.and(before), all, Surface::Api), false);
    });
}

/// Takes back everything that was granted.
#[wasm_bindgen]
pub fn withdraw() {
    with_banner(|banner| banner.decide(Decision::refuse(banner.granted(), Surface::Api), false));
}

/// Repeats the choice and asks the collector for a new visitor id.
#[wasm_bindgen]
pub fn reset() {
    with_banner(|banner| {
        let before = banner.granted();
        if before != Chosen::NECESSARY {
            banner.decide(Decision::save(before, before, banner.config.all(), Surface::Api), true);
        }
    });
}

/// Every event of the shadow root: clicks on buttons, the preferences' `close`, a `submit` by the Enter key.
#[wasm_bindgen]
pub fn handle(event: &Event) {
    with_banner(|banner| match event.kind().as_str() {
        "click" => banner.click(event),
        "close" => banner.closed(),
        // Enter on a switch submits a form; there is nowhere to send it.
        _ => event.prevent_default(),
    });
}

impl Banner {
    fn granted(&self) -> Chosen {
        self.config.chosen_by(|name| self.page.granted(name))
    }

    fn click(&mut self, event: &Event) {
        let Some(button) = event.target().closest("button[value]") else { return };
        let pressed = button.value();
        let surface = if self.preferences.is_some() { Surface::Preferences } else { Surface::Notice };
        let before = self.granted();
        let all = self.config.all();
        let decision = match pressed.as_str() {
            "choose" => return self.open_preferences(Some(button)),
            "refuse" => Decision::refuse(before, surface),
            "accept" => Decision::accept(all, surface),
            "save" => Decision::save(before, self.switched_on(), all, surface),
            _ => return self.close_preferences(),
        };
        // What a script clicked, or a finger before the visitor could read, grants nothing.
        let deliberate = event.is_trusted() && dom::now() - self.shown_at > GRANT_GUARD_MS;
        if deliberate || decision.chosen == Chosen::NECESSARY {
            self.decide(decision, false);
        }
    }

    fn switched_on(&self) -> Chosen {
        let Some(dialog) = &self.preferences else { return Chosen::NECESSARY };
        self.config.chosen_by(|name| {
            let mut selector = String::from("[name=\"");
            selector.push_str(name);
            selector.push_str("\"]:checked");
            dialog.find(&selector).is_some()
        })
    }

    fn decide(&mut self, decision: Decision, reset: bool) {
        let cookies = dom::cookies();
        let earlier = cookie::earlier(&cookies);
        let request = decision.request(&self.config, earlier.as_deref(), reset);
        let kept = decision.kept(&self.config, &consent::day(dom::now()), &request);
        let scope = cookie::Scope {
            days: self.config.days,
            domain: &self.config.domain,
            secure: dom::protocol() == "https:",
        };
        self.page.decide(&kept, &cookie::write("kruimel", &kept, &scope));
        erase::refused(&self.text, |name| self.page.granted(name));
        if let Some(notice) = self.notice.take() {
            notice.remove();
            self.page.emit("onModalHide", "consentModal");
        }
        self.close_preferences();
    }

    fn open_preferences(&mut self, opener: Option<Element>) {
        if self.preferences.is_some() {
            return;
        }
        self.opener = opener;
        self.preferences = Some(view::preferences(&self.page, &self.text));
        self.shown_at = dom::now();
        self.page.emit("onModalShow", "preferencesModal");
    }

    fn close_preferences(&mut self) {
        if let Some(dialog) = &self.preferences {
            // The event `close` follows, as it does after Escape.
            dialog.close();
        }
    }

    fn closed(&mut self) {
        if let Some(dialog) = self.preferences.take() {
            dialog.remove();
            if let Some(opener) = self.opener.take() {
                opener.focus();
            }
            self.page.emit("onModalHide", "preferencesModal");
        }
    }
}
