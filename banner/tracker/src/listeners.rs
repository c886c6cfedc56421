//! The tracker's ears: event listeners and one timer.
//!
//! In: a callback. Out: it is called. Invariant: dropping this removes every listener and the timer, so that nothing
//! observes the page once the gate is closed.

use crate::browser;
use wasm_bindgen::JsValue;

/// The last is dispatched by entry.js where the browser has no Navigation API.
const OF_WINDOW: [&str; 6] = ["pagehide", "pageshow", "focus", "blur", "popstate", "kruimel:moved"];
const OF_DOCUMENT: &str = "visibilitychange";
const OF_NAVIGATION: &str = "currententrychange";

/// See the module.
pub struct Listeners {
    callback: JsValue,
    timer: f64,
}

impl Listeners {
    /// Begins to listen.
    pub fn attach(callback: JsValue) -> Listeners {
        browser::window(|window| OF_WINDOW.iter().for_each(|event| window.listen(event, &callback)));
        browser::document(|document| document.listen(OF_DOCUMENT, &callback));
        if let Some(navigation) = browser::navigation() {
            navigation.listen(OF_NAVIGATION, &callback);
        }
        Listeners { callback, timer: 0.0 }
    }

    /// Calls back at that time, instead of at the time asked for before; never if there is none.
    pub fn wake_at(&mut self, due_ms: Option<f64>) {
        browser::clear_timeout(self.timer);
        if let Some(due_ms) = due_ms {
            self.timer = browser::set_timeout(&self.callback, (due_ms - browser::now_ms()).max(0.0).ceil());
        }
    }

    /// What is called.
    pub fn callback(&self) -> &JsValue {
        &self.callback
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        browser::clear_timeout(self.timer);
        browser::window(|window| OF_WINDOW.iter().for_each(|event| window.unlisten(event, &self.callback)));
        browser::document(|document| document.unlisten(OF_DOCUMENT, &self.callback));
        if let Some(navigation) = browser::navigation() {
            navigation.unlisten(OF_NAVIGATION, &self.callback);
        }
    }
}
