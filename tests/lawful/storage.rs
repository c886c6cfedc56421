//! What is kept on the visitor's device and for how long: nothing before a choice, and each answer equally long.

use super::{ACCEPT, REFUSE, Visitor};
use serde_json::{Value, json};

const DAY_S: f64 = 86_400.0;
const CHOICE_DAYS: f64 = 182.0;

/// Pages in which days have passed.
fn days_later(days: u32) -> String {
    format!(
        "if (location.hash === '#later') {{ const real = Date, ahead = {days} * 864e5;
            globalThis.Date = class extends real {{
                constructor(...of) {{ of.length ? super(...of) : super(real.now() + ahead); }}
                static now() {{ return real.now() + ahead; }} }}; }}"
    )
}

#[test]
fn l01_nothing_is_stored_or_requested_before_a_choice() {
    let visitor = Visitor::new();
    for path in ["/map", "/news/night-ferry", "/nieuws/lindeplein"] {
        visitor.open_undecided(path);
        visitor.browser.run(
            "scrollTo(0, document.documentElement.scrollHeight); return new Promise(requestAnimationFrame)",
        );
        let kept = visitor.browser.run(
            "return [document.cookie, localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,
                (await caches.keys()).length, (await navigator.serviceWorker.getRegistrations()).length,
                [...document.querySelectorAll('[data-category]')].filter(one => one.src).length]",
        );
        assert_eq!(kept, json!(["", 0, 0, 0, 0, 0, 0]), "{path}");
        assert!(visitor.browser.cookie_names().is_empty(), "{path}");
    }
    let own = visitor.stack.page("/");
    let requested = visitor.browser.requested();
    assert!(requested.len() > 10, "{requested:?}");
    for address in requested {
        assert!(address.starts_with(&own) || address.starts_with("data:"), "{address}");
        for gated in ["counter.js", "pixel.gif", "/embed/", "tracker", "/events", "/consent"] {
            assert!(!address.contains(gated), "{address}");
        }
    }
    visitor.leave();
}

#[test]
fn l17_l18_l19_both_answers_last_equally_long_and_a_visit_does_not_prolong_them() {
    let visitor = Visitor::new();
    let ages = ["accept", "refuse"].map(|action| {
        let all = ["functional", "analytics", "advertising"];
        let granted = if action == "accept" { &all[..] } else { &[] };
        let answer = visitor.stack.decide(action, granted, "");
        let cookie = answer.set_cookie("kruimel").unwrap();
        cookie.split("; ").find_map(|part| part.strip_prefix("Max-Age=")).unwrap().parse::<f64>().unwrap()
    });
    assert_eq!(ages, [CHOICE_DAYS * DAY_S; 2]);

    for (answer, names) in [(ACCEPT, &["kruimel", "kruimel_id"][..]), (REFUSE, &["kruimel"])] {
        visitor.forget();
        visitor.open_undecided("/");
        let now = visitor.browser.run("return Date.now() / 1000").as_f64().unwrap();
        visitor.decide("section", answer);
        let ends = || names.iter().map(|name| visitor.end_of(name).unwrap()).collect::<Vec<_>>();
        let (choice, first) = (visitor.choice(), ends());
        for end in &first {
            assert!((end - now - CHOICE_DAYS * DAY_S).abs() < 60.0, "{names:?} {first:?}");
        }
        for path in ["/shop", "/", "/kruimel/privacy", "/kruimel/cookies", "/news"] {
            visitor.browser.open_page(&visitor.stack.page(path));
            assert_eq!(visitor.see("return notice ?? null"), Value::Null, "{path}");
        }
        visitor.open("/");
        assert_eq!((visitor.choice(), ends()), (choice, first), "{answer}");
    }
    visitor.leave();
}

#[test]
fn l17_l22_neither_answer_is_asked_about_before_its_end_and_both_are_then() {
    let visitor = Visitor::new();
    for answer in [ACCEPT, REFUSE] {
        visitor.forget();
        visitor.open_undecided("/");
        visitor.decide("section", answer);
        for (days, asked) in [(1, false), (90, false), (180, false), (184, true)] {
            // In a tab of its own: what is run before a page's scripts stays with its tab.
            let first = visitor.browser.open_tab();
            visitor.browser.requested();
            visitor.browser.run_first(&days_later(days));
            visitor.open("/news#later");
            if asked {
                visitor.await_see("return !!notice");
                assert_eq!(visitor.see("return kruimel.acceptedCategory('analytics')"), false);
            } else {
                let gone = "return (Date.now() - Date.parse(kruimel.getUserPreferences().day ?? kruimel.getUserPreferences().consentTimestamp)) / 864e5";
                assert!(visitor.browser.run(gone).as_f64().unwrap() >= f64::from(days));
                visitor.browser.run("return new Promise(requestAnimationFrame)");
                let fetched = visitor.browser.requested();
                assert!(!fetched.iter().any(|address| address.contains("/a/banner")), "{days}: {fetched:?}");
                assert_eq!(visitor.see("return notice ?? null"), Value::Null, "{answer} after {days} days");
            }
            visitor.browser.switch_to(first);
        }
    }
    visitor.leave();
}
