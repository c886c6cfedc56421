//! The behaviours of a lawful banner, each test named by its number in `tests/lawful.md`, in Chromium against the real
//! binary.
//!
//! Visitors of these tests are strangers to one another (a profile each), so that they may share one server; a test that
//! counts rows or restarts starts a server of its own.

mod accessibility;
mod age;
mod axe;
mod bar;
mod choice;
mod contrast;
mod decisions;
mod declaration;
mod gated;
mod guest;
mod import;
mod keyboard;
mod loader;
mod notice;
mod pages;
mod placeholder;
mod platform;
mod proof;
mod receipt;
mod revision;
mod signals;
mod storage;
mod storage_left;
mod table;
mod view;
mod weight;
mod withdrawal;

use crate::browser::Browser;
use crate::stack::Stack;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError, Weak};

const ACCEPT: &str = ".b button[value='0']";
const REFUSE: &str = ".b button[value='1']";
const SAVE: &str = ".b button[value='2']";
const CHOOSE: &str = ".b button[value='3']";
const CLOSE: &str = "button[value='4']";

/// The page's own way back to the settings.
const REOPEN: &str = "[data-cc=show-preferencesModal]";

const LAYERS: [&str; 2] = ["section", "dialog"];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Run in every page: leaves it without a link of its own to the settings, as most pages of most sites are.
const WITHOUT_LINK: &str = "if (location.hash === '#bare') {
    const remove = () => document.querySelectorAll('[data-cc]').forEach(link => link.remove());
    new MutationObserver(remove).observe(document, {childList: true, subtree: true});
    addEventListener('DOMContentLoaded', remove);
}";

/// What scripts of these tests find: the shadow root and its layers.
const PARTS: &str = "const root = document.querySelector('kruimel-banner')?.shadowRoot ?? undefined;
    const notice = root?.querySelector('section'), dialog = root?.querySelector('dialog');\n";

/// A visitor with a browser of their own.
struct Visitor {
    browser: Browser,
    stack: Arc<Stack>,
}

/// The server that is running for these tests, or a new one. It ends with the last visitor.
fn shared() -> Arc<Stack> {
    static RUNNING: Mutex<Weak<Stack>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let stack = Arc::new(Stack::start_with(&["--demo-days", "3"]));
        *running = Arc::downgrade(&stack);
        stack
    })
}

impl Visitor {
    /// Someone who was never here.
    fn new() -> Visitor {
        Visitor { browser: Browser::start(&[]), stack: shared() }
    }

    fn leave(self) {
        self.browser.close();
    }

    /// Opens a page of the demo's site and waits until the loader runs.
    fn open(&self, path: &str) {
        self.browser.open_page(&self.stack.page(path));
        self.browser.await_script("return !!window.kruimel?.getUserPreferences");
    }

    /// Opens a page as someone who is asked, and waits for the question.
    fn open_undecided(&self, path: &str) {
        self.open(path);
        self.await_see("return !!notice && (window.__since = performance.now())");
    }

    /// Opens the preferences from the first layer.
    fn choose(&self) {
        self.click("section", CHOOSE);
        self.await_dialog();
    }

    /// Opens the preferences as a visitor who decided before does.
    fn reopen(&self) {
        self.browser.click(REOPEN);
        self.await_dialog();
    }

    fn await_dialog(&self) {
        self.await_see("return !!dialog?.open && (window.__since = performance.now())");
    }

    /// Runs a script that sees `root`, `notice` and `dialog`.
    fn see(&self, script: &str) -> Value {
        self.browser.run(&format!("{PARTS}{script}"))
    }

    /// Waits until such a script returns something true.
    fn await_see(&self, script: &str) -> Value {
        self.browser.await_script(&format!("{PARTS}{script}"))
    }

    /// Clicks something of a layer with a real pointer. What could grant is clicked once it answers: a press in the first
    /// half second after a layer appears is taken for a slip.
    fn click(&self, layer: &str, selector: &str) {
        let place = self.await_see(&format!(
            "const found = root?.querySelector('{layer}')?.querySelector({selector:?});
             if (!found || ('02'.includes(found.value || 'x') && performance.now() - window.__since < 600)) return null;
             found.scrollIntoView({{block: 'nearest'}});
             const box = found.getBoundingClientRect();
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];"
        ));
        self.browser.click_at(place[0].as_i64().unwrap(), place[1].as_i64().unwrap());
    }

    /// Decides in a layer and waits until no layer is left and the collector's answer is kept.
    fn decide(&self, layer: &str, selector: &str) {
        self.click(layer, selector);
        self.await_see("return !notice && !dialog && !!kruimel.getUserPreferences() && !kruimel.getUserPreferences().pending");
    }

    /// The choice that the browser keeps.
    fn choice(&self) -> Option<Value> {
        self.browser.cookie("kruimel").map(|cookie| serde_json::from_str(&cookie).unwrap())
    }

    /// The categories that the browser keeps as granted.
    fn granted(&self) -> Value {
        self.choice().map_or(Value::Null, |choice| choice["categories"].clone())
    }

    /// When a cookie ends, in seconds since 1970.
    fn end_of(&self, name: &str) -> Option<f64> {
        let cookies = self.browser.protocol("Network.getCookies", &json!({}));
        let cookies = cookies["cookies"].as_array().unwrap();
        cookies.iter().find(|cookie| cookie["name"] == name).and_then(|cookie| cookie["expires"].as_f64())
    }

    /// Forgets everything the browser keeps for the site.
    fn forget(&self) {
        self.browser.protocol("Network.clearBrowserCookies", &json!({}));
    }
}
