//! The banner: asks the visitor, shows what may be chosen, and turns a press of a button into a decision.
//!
//! In: the loader's handover and the texts of one language, what was pressed inside the shadow root, calls of the page's
//! own script (all through `entry.js`). Out: elements in the shadow root, and each decision as its action, its surface
//! and its categories. `decide.js` writes it down and sends it, `erase.js` removes cookies: what handles text is written
//! in JavaScript, because a text that crosses into the module costs more bytes there than the work on it.
//!
//! Invariants: only a visitor's own press of a button, or a call that `entry.js` saw a gesture for, grants anything; a
//! press that grants is ignored right after the banner appears; closing, Escape and a click beside it change nothing.

mod consent;
mod dom;
#[cfg(target_arch = "wasm32")]
mod heap;
mod view;

use consent::{Chosen, Decision};
use core::cell::RefCell;
use dom::{Page, sure};
use js_sys::{Date, Object};
use view::Button;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Element, HtmlDialogElement, HtmlInputElement};
use wire::Surface;

/// A press that grants is ignored for this long after the banner appeared: it was meant for what was there before.
const GRANT_GUARD_MS: f64 = 500.0;

struct Banner {
    page: Page,
    text: Object,
    notice: Option<Element>,
    preferences: Option<HtmlDialogElement>,
    shown_at: f64,
}

thread_local! {
    static BANNER: RefCell<Option<Banner>> = const { RefCell::new(None) };
}

/// Begins with what `entry.js` hands over and the texts of the visitor's language.
#[wasm_bindgen]
pub fn start(page: Page, text: Object) {
    let banner = Banner { page, text, notice: None, preferences: None, shown_at: 0.0 };
    BANNER.with(|cell| core::mem::forget(cell.replace(Some(banner))));
}

/// Shows the first layer.
#[wasm_bindgen]
pub fn show() {
    with_banner(&mut Banner::open_notice);
}

/// A button was pressed, by a visitor or by a script; the number is that of `view::Button`.
#[wasm_bindgen]
pub fn press(button: u32, by_visitor: bool) {
    with_banner(&mut |banner| banner.press(button, by_visitor));
}

/// Grants these categories beside those granted already, a bit for each. With none at all, everything is taken back.
#[wasm_bindgen]
pub fn grant(categories: u32) {
    with_banner(&mut |banner| {
        let before = banner.granted();
        let wanted = Chosen::from_bits(categories);
        banner.decide(&match wanted == Chosen::NECESSARY {
            true => Decision::refuse(before, Surface::Api),
            false => Decision::save(before, wanted.and(before), Surface::Api),
        });
    });
}

/// The preferences were closed, by a button or by Escape.
#[wasm_bindgen]
pub fn closed() {
    with_banner(&mut Banner::closed);
}

/// Nothing happens while the banner is at work: a listener of the page pressed a button from inside an event.
#[inline(never)]
fn with_banner(act: &mut dyn FnMut(&mut Banner)) {
    BANNER.with(|cell| {
        if let Ok(mut banner) = cell.try_borrow_mut()
            && let Some(banner) = banner.as_mut()
        {
            act(banner);
        }
    });
}

impl Banner {
    fn granted(&self) -> Chosen {
        Chosen::from_bits(self.page.granted())
    }

    fn press(&mut self, button: u32, by_visitor: bool) {
        let surface = if self.preferences.is_some() { Surface::Preferences } else { Surface::Notice };
        let decision = match button {
            Button::ACCEPT => Decision::accept(surface),
            Button::REFUSE => Decision::refuse(self.granted(), surface),
            Button::SAVE => Decision::save(self.granted(), self.switched_on(), surface),
            Button::CHOOSE => return self.open_preferences(),
            _ => return self.close_preferences(),
        };
        // What a script pressed, or a finger before the visitor could read, grants nothing.
        let deliberate = by_visitor && Date::now() - self.shown_at > GRANT_GUARD_MS;
        if deliberate || decision.chosen == Chosen::NECESSARY {
            self.decide(&decision);
        }
    }

    fn switched_on(&self) -> Chosen {
        let mut on = 0;
        if let Some(dialog) = &self.preferences {
            let switches = sure(dialog.query_selector_all("article>label>input"));
            for index in 0..switches.length() {
                let switch = switches.get(index).map(JsCast::unchecked_into::<HtmlInputElement>);
                on |= u32::from(switch.is_some_and(|switch| switch.checked())) << index;
            }
        }
        Chosen::from_bits(on)
    }

    fn decide(&mut self, decision: &Decision) {
        self.page.decide(decision.action.name(), decision.surface.name(), decision.chosen.bits());
        if let Some(notice) = self.notice.take() {
            notice.remove();
            self.page.emit("onModalHide", "consentModal");
        }
        self.close_preferences();
    }

    fn open_notice(&mut self) {
        if self.notice.is_none() {
            self.notice = Some(view::notice(&self.page, &self.text));
            self.shown_at = Date::now();
            self.page.emit("onModalShow", "consentModal");
        }
    }

    fn open_preferences(&mut self) {
        if self.preferences.is_none() {
            self.preferences = Some(view::preferences(&self.page, &self.text, self.granted()));
            self.shown_at = Date::now();
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
            self.page.emit("onModalHide", "preferencesModal");
        }
    }
}
