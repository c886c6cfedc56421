//! What other parties' tags are told: Google's consent signals in their order, and nothing of a framework that is not here.

use super::{ACCEPT, REFUSE, SAVE, Visitor};
use serde_json::{Value, json};

/// A tag that configures a measurement once the page is loaded; the loader has run by then.
const TAG: &str = "addEventListener('load', () => {
    window.dataLayer ||= []; (function () { dataLayer.push(arguments); })('config', 'G-TEST'); });";

fn signals(advertising: &str, analytics: &str, functional: &str) -> Value {
    json!({
        "ad_storage": advertising, "ad_user_data": advertising, "ad_personalization": advertising,
        "analytics_storage": analytics, "functionality_storage": functional, "personalization_storage": functional,
        "security_storage": "granted",
    })
}

fn told(visitor: &Visitor) -> Vec<Value> {
    let told = visitor.browser.run("return dataLayer.map(entry => [...entry])");
    told.as_array().unwrap().clone()
}

#[test]
fn l36_the_default_comes_first_and_an_update_follows_every_choice_and_page() {
    let visitor = Visitor::new();
    visitor.browser.run_first(TAG);
    visitor.open_undecided("/");
    let denied = signals("denied", "denied", "denied");
    let first = told(&visitor);
    assert_eq!(first[0], json!(["consent", "default", denied]));
    let config = first.iter().position(|entry| entry[0] == "config").unwrap();
    assert!(config > 0, "{first:?}");

    visitor.choose();
    visitor.click("dialog", "input[name=analytics]");
    visitor.decide("dialog", SAVE);
    let chosen = json!(["consent", "update", signals("denied", "granted", "denied")]);
    assert_eq!(*told(&visitor).last().unwrap(), chosen);

    visitor.open("/news");
    let next = told(&visitor);
    assert_eq!(next[..2], [json!(["consent", "default", denied]), chosen]);

    visitor.reopen();
    visitor.decide("dialog", ACCEPT);
    let all = signals("granted", "granted", "granted");
    assert_eq!(*told(&visitor).last().unwrap(), json!(["consent", "update", all]));
    visitor.reopen();
    visitor.decide("dialog", REFUSE);
    assert_eq!(*told(&visitor).last().unwrap(), json!(["consent", "update", denied]));
    visitor.leave();
}

#[test]
fn l37_after_a_refusal_no_byte_goes_to_google() {
    let visitor = Visitor::new();
    visitor.browser.run_first(
        "addEventListener('DOMContentLoaded', () => document.body.insertAdjacentHTML('beforeend',
            '<script type=text/plain data-category=analytics data-src=https://www.googletagmanager.com/gtag/js></script>' +
            '<img alt=\"\" data-category=advertising data-src=https://www.google.com/pixel>'));",
    );
    visitor.open_undecided("/");
    visitor.decide("section", REFUSE);
    visitor.open("/news");
    visitor.browser.run("return new Promise(requestAnimationFrame)");
    let own = visitor.stack.page("/");
    for address in visitor.browser.requested() {
        assert!(address.starts_with(&own) || address.starts_with("data:"), "{address}");
    }
    visitor.leave();
}

#[test]
fn l38_no_framework_is_pretended() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    visitor.decide("section", ACCEPT);
    let there = visitor
        .browser
        .run("return [typeof __tcfapi, typeof __gpp, typeof __uspapi, frames.__tcfapiLocator === undefined]");
    assert_eq!(there, json!(["undefined", "undefined", "undefined", true]));
    visitor.leave();
}
