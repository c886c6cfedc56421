//! What a visitor may choose, and what counts as choosing: nothing but a press on a button that says so.

use super::{ACCEPT, CLOSE, REFUSE, SAVE, Visitor};
use crate::http::send;
use fantoccini::key::Key;
use serde_json::{Value, json};

#[test]
fn l02_an_hour_of_waiting_grants_nothing() {
    let visitor = Visitor::new();
    visitor.open_undecided("/news/night-ferry");
    visitor.see("window.__hour = false; setTimeout(() => { window.__hour = true }, 36e5)");
    visitor
        .browser
        .protocol("Emulation.setVirtualTimePolicy", &json!({"policy": "advance", "budget": 3_700_000}));
    visitor.await_see("return window.__hour");
    let state = visitor
        .see("return [kruimel.getUserPreferences() ?? null, !!notice?.checkVisibility(), document.cookie]");
    assert_eq!(state, json!([null, true, ""]));
    visitor.leave();
}

#[test]
fn l02_scrolling_leaving_escape_and_clicks_beside_grant_nothing() {
    let visitor = Visitor::new();
    let undecided = |what: &str| {
        assert!(visitor.browser.cookie_names().is_empty(), "{what}");
        assert_eq!(visitor.see("return kruimel.getUserPreferences() ?? null"), Value::Null, "{what}");
        assert_eq!(visitor.see("return !!notice?.checkVisibility()"), true, "{what}");
    };
    visitor.open_undecided("/news/night-ferry");
    visitor
        .browser
        .run("scrollTo(0, document.documentElement.scrollHeight); return new Promise(requestAnimationFrame)");
    undecided("scrolling");
    visitor.browser.press(Key::Escape, false);
    undecided("Escape");
    visitor.await_see("return performance.now() - window.__since > 600");
    visitor.browser.click_at(640, 100);
    undecided("a click beside the first layer");
    for path in ["/news", "/shop"] {
        visitor.open_undecided(path);
        undecided("another page");
    }

    for close in ["Escape", "backdrop", "button"] {
        visitor.choose();
        visitor.click("dialog", "input[name=analytics]");
        visitor.await_see("return performance.now() - window.__since > 600");
        match close {
            "Escape" => visitor.browser.press(Key::Escape, false),
            "button" => visitor.click("dialog", CLOSE),
            _ => {
                visitor.browser.click_at(8, 450);
                undecided("a click beside the preferences");
                visitor.browser.press(Key::Escape, false);
            }
        }
        visitor.await_see("return !dialog");
        undecided(close);
    }
    visitor.leave();
}

#[test]
fn l03_only_what_is_necessary_is_on_and_says_why() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    visitor.choose();
    let switches = visitor.see(
        "return [...dialog.querySelectorAll('input')].map(one =>
            [one.name, one.checked, one.disabled, root.getElementById(one.getAttribute('aria-describedby')).innerText])",
    );
    let shown: Vec<_> =
        switches.as_array().unwrap().iter().map(|one| json!([one[0], one[1], one[2]])).collect();
    assert_eq!(
        shown,
        [
            json!(["necessary", true, true]),
            json!(["functional", false, false]),
            json!(["analytics", false, false]),
            json!(["advertising", false, false]),
        ]
    );
    assert!(switches[0][3].as_str().unwrap().contains("does not work without it"), "{switches}");
    visitor.leave();
}

#[test]
fn l14_a_switch_moves_alone_and_what_is_shown_is_saved() {
    let visitor = Visitor::new();
    let on = || visitor.see("return [...dialog.querySelectorAll('input:checked')].map(one => one.name)");
    visitor.open_undecided("/");
    visitor.choose();
    for (name, shown) in [
        ("advertising", json!(["necessary", "advertising"])),
        ("functional", json!(["necessary", "functional", "advertising"])),
        ("advertising", json!(["necessary", "functional"])),
        ("analytics", json!(["necessary", "functional", "analytics"])),
        ("functional", json!(["necessary", "analytics"])),
    ] {
        visitor.click("dialog", &format!("input[name={name}]"));
        assert_eq!(on(), shown, "{name}");
    }
    visitor.decide("dialog", SAVE);
    assert_eq!(visitor.granted(), json!(["necessary", "analytics"]));
    visitor.open("/map");
    visitor.reopen();
    assert_eq!(on(), json!(["necessary", "analytics"]));
    assert_eq!(visitor.see("return !!document.querySelector('iframe[data-category=functional]').src"), false);
    visitor.leave();
}

#[test]
fn l15_every_service_is_shown_with_provider_purpose_cookies_durations_and_party() {
    let visitor = Visitor::new();
    let declared = send(
        visitor.stack.public,
        "GET",
        "/kruimel/cookies?format=json&lang=en",
        &[("host", "localhost")],
        b"",
    )
    .json();
    visitor.open_undecided("/");
    visitor.choose();
    let shown = visitor.see(
        "dialog.querySelectorAll('details').forEach(one => one.open = true);
         return Object.fromEntries([...dialog.querySelectorAll('article')].map(article => [article.querySelector('input').name,
            [...article.querySelectorAll('details div')].map(block => [block.querySelector('h4').innerText, block.querySelector('p').innerText,
                [...block.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.innerText))])]))",
    );
    let mut seen = 0;
    for category in declared["categories"].as_array().unwrap() {
        let services = category["services"].as_array().unwrap();
        let blocks = shown[category["name"].as_str().unwrap()].as_array().unwrap();
        assert_eq!(services.len(), blocks.len(), "{category}");
        for (service, block) in services.iter().zip(blocks) {
            assert_eq!(block[0], service["name"]);
            for part in ["provider", "purpose"] {
                assert!(block[1].as_str().unwrap().contains(service[part].as_str().unwrap()), "{block}");
            }
            for (cookie, row) in
                service["cookies"].as_array().unwrap().iter().zip(block[2].as_array().unwrap())
            {
                let party = if cookie["third_party"] == true { "Third" } else { "First" };
                let expected =
                    json!([cookie["name"], cookie["provider"], cookie["purpose"], cookie["duration"], party]);
                assert_eq!(*row, expected);
                seen += 1;
            }
            assert_eq!(service["cookies"].as_array().unwrap().len(), block[2].as_array().unwrap().len());
        }
    }
    assert!(seen >= 6, "{shown}");
    visitor.leave();
}

#[test]
fn l16_saving_with_nothing_on_is_a_refusal() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    visitor.choose();
    visitor.decide("dialog", SAVE);
    let saved = (visitor.choice(), visitor.browser.cookie_names());
    visitor.forget();
    visitor.open_undecided("/");
    visitor.decide("section", REFUSE);
    assert_eq!(saved, (visitor.choice(), visitor.browser.cookie_names()));
    assert_eq!(visitor.granted(), json!(["necessary"]));
    visitor.forget();
    visitor.open_undecided("/");
    visitor.choose();
    visitor.decide("dialog", REFUSE);
    assert_eq!(saved, (visitor.choice(), visitor.browser.cookie_names()));
    visitor.forget();
    visitor.open_undecided("/");
    visitor.choose();
    visitor.decide("dialog", ACCEPT);
    assert_eq!(visitor.granted(), json!(["necessary", "functional", "analytics", "advertising"]));
    visitor.leave();
}
