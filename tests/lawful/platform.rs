//! Where the platform allows less: a part that does not arrive, a strict policy, no scripts at all.

use super::{ACCEPT, REFUSE, Visitor};
use crate::browser::Browser;
use crate::http::send;
use serde_json::json;

/// Each way in which the banner can fail to run: addresses that do not answer, what a page's browser lacks or throws, and
/// whether a plain bar can stand in its place.
const FAILURES: [(&str, &[&str], &str, bool); 6] = [
    ("the loader does not arrive", &["*demo.js"], "", false),
    ("the banner does not arrive", &["*/a/banner*.js"], "", false),
    ("the texts do not arrive", &["*/a/*.json*"], "", false),
    ("WebAssembly is switched off", &[], "delete window.WebAssembly", true),
    (
        "the policy forbids WebAssembly",
        &[],
        "WebAssembly.compile = () => Promise.reject(new WebAssembly.CompileError('no'))",
        true,
    ),
    (
        "a script error",
        &[],
        "CSSStyleSheet.prototype.replaceSync = () => { throw new Error('broken') }",
        true,
    ),
];

#[test]
fn l05_whatever_part_fails_all_stays_closed_and_the_page_works() {
    let visitor = Visitor::new();
    visitor.browser.protocol("Network.enable", &json!({}));
    for (what, addresses, broken, bar) in FAILURES {
        let first = visitor.browser.open_tab();
        visitor.browser.protocol("Network.enable", &json!({}));
        visitor.browser.protocol("Network.setCacheDisabled", &json!({"cacheDisabled": true}));
        visitor.browser.protocol("Network.setBlockedURLs", &json!({"urls": addresses}));
        visitor.browser.run_first(&format!("window.__thrown = []; addEventListener('error', event => event.message && __thrown.push(event.message)); addEventListener('unhandledrejection', event => __thrown.push(String(event.reason))); {broken}"));
        visitor.browser.requested();
        visitor.browser.open_page(&visitor.stack.page("/map"));
        if addresses != ["*demo.js"] {
            visitor.browser.await_script("return !!window.kruimel?.getUserPreferences");
            visitor.browser.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
        }
        let state = visitor.see(
            "return [document.querySelector('iframe').hasAttribute('src'), window.demoAnalytics ?? 0, window.demoAdvertising ?? 0,
                window.kruimel?.acceptedCategory('analytics') ?? false, __thrown]",
        );
        assert_eq!(state, json!([false, 0, 0, false, []]), "{what}");
        if bar {
            visitor.await_see("return !!notice");
        } else {
            assert_eq!(visitor.see("return !!notice"), false, "{what}");
        }
        assert!(visitor.browser.cookie_names().is_empty(), "{what}");
        visitor.browser.click("header a.brand");
        visitor
            .browser
            .await_script("return location.pathname === '/' && document.readyState === 'complete'");
        for address in visitor.browser.requested() {
            for gated in ["counter.js", "pixel.gif", "/embed/", "tracker", "/events"] {
                assert!(!address.contains(gated), "{what}: {address}");
            }
        }
        visitor.browser.switch_to(first);
    }
    visitor.leave();
}

#[test]
fn l45_a_strict_policy_is_never_violated() {
    let visitor = Visitor::new();
    let page = send(visitor.stack.public, "GET", "/", &[("host", "localhost")], b"");
    let policy = page.headers.iter().find(|(name, _)| name == "content-security-policy").unwrap().1.clone();
    assert!(policy.starts_with("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
    assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{policy}");
    visitor.browser.run_first(
        "window.__violations = []; addEventListener('securitypolicyviolation', event =>
            __violations.push([event.violatedDirective, event.blockedURI, event.sourceFile]), true);",
    );
    let unviolated = |when: &str| {
        assert_eq!(visitor.browser.run("return __violations"), json!([]), "{when}");
        assert_eq!(visitor.browser.complaints(), Vec::<String>::new(), "{when}");
    };
    visitor.open_undecided("/map");
    unviolated("first layer");
    visitor.choose();
    unviolated("preferences");
    visitor.decide("dialog", ACCEPT);
    visitor.browser.await_script("return window.demoAnalytics && window.demoAdvertising");
    unviolated("accepted");
    visitor.open("/news/night-ferry");
    visitor.browser.await_script("return window.demoAnalytics && window.demoAdvertising");
    unviolated("a page of someone who accepted");
    visitor.reopen();
    visitor.decide("dialog", REFUSE);
    unviolated("withdrawn");
    visitor.leave();
}

#[test]
fn l46_without_scripts_nothing_gated_runs_and_a_form_takes_and_takes_back_the_choice() {
    let visitor = Visitor {
        browser: Browser::start(&["--blink-settings=scriptEnabled=false"]),
        stack: super::shared(),
    };
    visitor.browser.open_page(&visitor.stack.page("/map"));
    let requested = visitor.browser.requested();
    assert!(requested.iter().any(|address| address.ends_with("site.css")), "{requested:?}");
    for gated in ["counter.js", "pixel.gif", "/embed/", "tracker", "/events", "demo.js"] {
        assert!(!requested.iter().any(|address| address.contains(gated)), "{gated}: {requested:?}");
    }
    assert!(visitor.browser.cookie_names().is_empty());

    let privacy = visitor.stack.page("/kruimel/privacy");
    visitor.browser.open_page(&privacy);
    assert_eq!(
        visitor.browser.run("return [typeof kruimel, document.scripts.length]"),
        json!(["undefined", 0])
    );
    for (answer, granted) in [
        ("refuse", json!(["necessary"])),
        ("accept", json!(["necessary", "functional", "analytics", "advertising"])),
        ("refuse", json!(["necessary"])),
    ] {
        visitor.browser.run("document.title = 'before'");
        visitor.browser.click(&format!("button[value={answer}]"));
        visitor
            .browser
            .await_script("return document.title !== 'before' && document.readyState === 'complete'");
        assert_eq!(visitor.granted(), granted);
        assert_eq!(visitor.browser.cookie("kruimel_id").is_some(), answer == "accept");
        let on = visitor.browser.run(
            "return [...document.querySelectorAll('input[name=category]:checked')].map(one => one.value)",
        );
        assert_eq!(on, granted);
    }
    visitor.browser.click("input[value=functional]");
    visitor.browser.run("document.title = 'before'");
    visitor.browser.click(".b button[value=save]");
    visitor.browser.await_script("return document.title !== 'before' && document.readyState === 'complete'");
    assert_eq!(visitor.granted(), json!(["necessary", "functional"]));
    visitor.leave();
}
