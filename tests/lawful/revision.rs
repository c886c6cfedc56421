//! Asking again when the declaration changed, and only then.

use super::{ACCEPT, Visitor};
use crate::browser::Browser;
use crate::stack::Stack;
use serde_json::{Value, json};
use std::sync::Arc;

const DEMO: &str = include_str!("../../collector/src/config/demo.toml");

/// The demo's config as a file, its site changed.
pub(super) fn config(from: &str, to: &str) -> String {
    assert!(DEMO.contains(from));
    let listen = "data_dir = \"data\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n";
    DEMO.replace("[listen]\n", listen).replace(from, to)
}

/// Opens a plain page of the server's host and puts a gated script and the script tag on it.
pub(super) fn open(browser: &Browser, stack: &Stack) {
    browser.open_page(&stack.page("/kruimel/nothing"));
    browser.run(
        "const gated = Object.assign(document.createElement('script'), {type: 'text/plain', text: 'window.ran = true'});
         gated.dataset.category = 'analytics';
         document.body.append(gated);
         document.head.append(Object.assign(document.createElement('script'), {src: '/kruimel/demo.js'}));",
    );
    browser.await_script("return !!window.kruimel?.getUserPreferences");
}

#[test]
fn l20_a_raised_revision_asks_again_and_a_corrected_text_does_not() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    let visitor = Visitor { browser, stack: Arc::new(stack) };
    visitor.open_undecided("/");
    visitor.decide("section", ACCEPT);
    let Visitor { browser, stack } = visitor;
    let choice = browser.cookie("kruimel");

    let stack = Arc::into_inner(stack).unwrap();
    let stack = stack.restart_with_config(&config("Counts campaigns seen", "Counts campagins seen"));
    open(&browser, &stack);
    browser.await_script("return window.ran === true");
    assert_eq!(browser.run("return kruimel.acceptedCategory('analytics')"), true);
    assert_eq!(
        browser.run("return document.querySelector('kruimel-banner').shadowRoot.querySelector('section')"),
        Value::Null
    );
    assert_eq!(browser.cookie("kruimel"), choice);

    let stack = stack.restart_with_config(&config("id = \"demo\"\n", "id = \"demo\"\nrevision = 2\n"));
    open(&browser, &stack);
    let visitor = Visitor { browser, stack: Arc::new(stack) };
    visitor.await_see("return !!notice && (window.__since = performance.now())");
    let state = visitor.see(
        "return [kruimel.acceptedCategory('analytics'), kruimel.acceptedCategory('advertising'), window.ran ?? null, kruimel.getUserPreferences() ?? null]",
    );
    assert_eq!(state, json!([false, false, null, null]));
    visitor.decide("section", ACCEPT);
    assert_eq!(visitor.choice().unwrap()["revision"], 2);
    assert_eq!(visitor.await_see("return window.ran ?? null"), true);
    visitor.leave();
}
