//! Refusals that visitors made with another tool's banner, before this one stood on the site.

use super::guest::{Guest, page};
use serde_json::{Value, json};

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" => page("", "<p>page</p>"),
        "/empty" => Some(("text/html", "<!doctype html><title>Empty</title>".to_owned())),
        _ => None,
    }
}

/// Someone whose browser holds what another tool left there.
fn visit(guest: &Guest, script: &str) {
    guest.visitor.forget();
    guest.browser().open_page(&guest.address("/empty"));
    guest.run(&format!("localStorage.clear(); {script}"));
    guest.browser().requested();
    guest.open("/");
}

const REFUSED: [(&str, &str); 5] = [
    (
        "vanilla-cookieconsent",
        "document.cookie = 'cc_cookie=' + encodeURIComponent(JSON.stringify({categories: ['necessary'], revision: 0, expirationTime: Date.now() + 30 * 864e5})) + '; Path=/'",
    ),
    (
        "vanilla-cookieconsent in localStorage",
        "localStorage.cc_cookie = JSON.stringify({categories: ['necessary']})",
    ),
    (
        "Klaro",
        "document.cookie = 'klaro=' + encodeURIComponent('{\"matomo\":false,\"youtube\":false}') + '; Path=/; Max-Age=2592000'",
    ),
    (
        "tarteaucitron",
        "document.cookie = 'tarteaucitron=!youtube=false!matomo=false; Path=/; Max-Age=2592000'",
    ),
    (
        "CitizenLab",
        "document.cookie = 'cl2_consent=' + encodeURIComponent('{\"analytics\":false,\"advertising\":false,\"functional\":true,\"savedChoices\":{}}') + '; Path=/; Max-Age=2592000'",
    ),
];

const GRANTED: [(&str, &str); 4] = [
    (
        "vanilla-cookieconsent",
        "localStorage.cc_cookie = JSON.stringify({categories: ['necessary', 'analytics']})",
    ),
    ("Klaro", "document.cookie = 'klaro=' + encodeURIComponent('{\"matomo\":true}') + '; Path=/'"),
    ("tarteaucitron", "document.cookie = 'tarteaucitron=!youtube=true!matomo=false; Path=/'"),
    (
        "CitizenLab",
        "document.cookie = 'cl2_consent=%7B%22analytics%22%3Atrue%2C%22advertising%22%3Afalse%7D; Path=/'",
    ),
];

#[test]
fn a_refusal_made_with_another_tool_is_taken_over_with_its_own_end() {
    let guest = Guest::new("", serve);
    for (tool, script) in REFUSED {
        visit(&guest, script);
        guest
            .visitor
            .await_see("return kruimel.getUserPreferences() && !kruimel.getUserPreferences().pending");
        let choice = guest.visitor.choice().unwrap();
        assert_eq!(choice["categories"], json!(["necessary"]), "{tool}");
        let until = choice["until"].as_str();
        if tool.ends_with("localStorage") {
            assert_eq!(until, None, "{tool}");
        } else {
            let day = guest.run("return new Date(Date.now() + 30 * 864e5).toISOString().slice(0, 10)");
            assert_eq!(until, day.as_str(), "{tool}");
        }
        assert_eq!(guest.visitor.see("return notice ?? null"), Value::Null, "{tool}");
        let left = guest
            .run("return [document.cookie.split('; ').map(one => one.split('=')[0]), localStorage.length]");
        assert_eq!(left, json!([["kruimel"], 0]), "{tool}");
    }
    let stack = &guest.visitor.stack;
    stack.await_count("SELECT count() FROM consents WHERE action = 'refuse' AND consent_id = 0", 5);
    guest.leave();
}

#[test]
fn a_grant_made_with_another_tool_is_asked_about_again() {
    let guest = Guest::new("", serve);
    for (tool, script) in GRANTED {
        visit(&guest, script);
        guest.visitor.await_see("return !!notice");
        assert_eq!(guest.run("return kruimel.getUserPreferences() ?? null"), Value::Null, "{tool}");
    }
    visit(&guest, "document.cookie = 'cc_cookie=%7B; Path=/'; document.cookie = 'klaro=[1]; Path=/'");
    guest.visitor.await_see("return !!notice");
    guest.leave();
}

#[test]
fn whoever_was_taken_over_is_asked_again_about_a_new_revision() {
    let guest = Guest::new("", serve);
    let older = "document.cookie = 'kruimel=' + encodeURIComponent(JSON.stringify({categories: ['necessary'], services: {},
        revision: 0, day: new Date().toISOString().slice(0, 10)})) + '; Path=/';";
    visit(&guest, &format!("{older} {}", REFUSED[2].1));
    guest.visitor.await_see("return !!notice");
    guest.leave();
}

#[test]
fn a_refusal_that_the_collector_does_not_take_over_is_dropped_and_asked_about() {
    let guest = Guest::new("", serve);
    // The same pages under a name that the site does not have.
    let foreign = guest.address("/").replace("localhost", "127.0.0.1");
    guest.browser().open_page(&format!("{foreign}empty"));
    guest.run("localStorage.klaro = '{\"matomo\":false}'");
    guest.browser().open_page(&foreign);
    guest.visitor.await_see("return !!notice && !kruimel.getUserPreferences()");
    assert_eq!(guest.visitor.choice(), None);
    assert_eq!(guest.run("return localStorage.length"), 0);
    guest.leave();
}
