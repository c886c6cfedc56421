//! The loader on pages of every kind: what runs in them, whom it tells, and what it makes of a cookie that is not its own.

use super::guest::{Guest, page};
use super::{ACCEPT, REFUSE, SAVE};
use serde_json::json;

const REOPEN_BUTTON: &str = "[...root.children].find(one => one.localName === 'button')";

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" => page("", "<p>Page</p>"),
        "/actions" => page(
            "<script type='text/plain' data-category='!functional' data-src='/refused.js'></script>",
            "<button id=all data-cc=accept-all>all</button> <button id=none data-cc=accept-necessary>none</button>
             <a id=show href='#' data-cc=show-consentModal>ask</a> <a id=settings href='#' data-cc=show-preferencesModal>settings</a>",
        ),
        "/gated" => page("<script type='text/plain' data-category=functional data-src='/film.js'></script>", ""),
        "/twice" => page("<script async src='/kruimel/kaai.js'></script>", "<p>Page</p>"),
        "/bodyless" => Some((
            "application/xhtml+xml",
            "<html xmlns='http://www.w3.org/1999/xhtml' lang='en'><head><title>Page</title>\
             <script src='/kruimel/kaai.js'></script></head></html>"
                .to_owned(),
        )),
        "/tags" => Some((
            "text/html",
            "<!doctype html><html lang=en><script src='/kruimel/kaai.js'></script><script src='/tag.js'></script><title>Page</title><body>"
                .to_owned(),
        )),
        "/tag.js" => Some((
            "text/javascript",
            "(function () { (window.dataLayer ||= []).push(arguments) })('config', 'G-1')".to_owned(),
        )),
        "/film.js" => Some(("text/javascript", "window.film = (window.film ?? 0) + 1".to_owned())),
        "/refused.js" => Some(("text/javascript", "window.refused = true".to_owned())),
        "/nonce" => Some((
            "text/html",
            "<!doctype html><html lang=en><script nonce=crumb async src='/kruimel/kaai.js'></script><title>Page</title>
             <script type='text/plain' nonce=crumb data-category=functional>window.film = 1</script><body>"
                .to_owned(),
        )),
        _ => None,
    }
}

fn guest(options: &str) -> Guest {
    Guest::new(options, serve)
}

/// Keeps what is thrown into the page and what its scripts are told.
const LISTEN: &str = "window.__thrown = []; window.__told = [];
    addEventListener('error', event => __thrown.push(event.message));
    addEventListener('unhandledrejection', event => __thrown.push(String(event.reason)));
    for (const name of ['onFirstConsent', 'onConsent', 'onChange', 'onModalShow'])
        for (const prefix of ['kruimel:', 'cc:']) addEventListener(prefix + name, () => __told.push(prefix + name));";

#[test]
fn l45_trusted_types_and_the_strictest_policy_are_never_violated() {
    let policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; require-trusted-types-for 'script'; trusted-types kruimel";
    let guest = Guest::under(policy, "trusted_types = true", serve);
    guest.open_undecided("/gated");
    guest.visitor.decide("section", ACCEPT);
    guest.browser().await_script("return window.film === 1");
    assert_eq!(guest.browser().complaints(), Vec::<String>::new());
    guest.leave();
}

#[test]
fn l45_a_policy_of_nonces_alone_lets_the_banner_and_what_was_granted_run() {
    let guest = Guest::under("script-src 'nonce-crumb' 'wasm-unsafe-eval'", "", serve);
    guest.open_undecided("/nonce");
    guest.visitor.decide("section", ACCEPT);
    guest.browser().await_script("return window.film === 1");
    assert_eq!(guest.browser().complaints(), Vec::<String>::new());
    guest.leave();
}

#[test]
fn l01_a_script_that_came_by_inner_html_waits_and_then_runs_once() {
    let guest = guest("");
    guest.open_undecided("/");
    guest.run(
        "document.body.insertAdjacentHTML('beforeend', \"<div><script type='text/plain' data-category=functional data-src='/film.js'></\" + 'script></div>')",
    );
    guest.run("return new Promise(requestAnimationFrame)");
    assert_eq!(guest.run("return window.film ?? 0"), 0);
    guest.visitor.decide("section", ACCEPT);
    guest.browser().await_script("return window.film === 1");
    guest.leave();
}

#[test]
fn l05_where_the_policy_forbids_webassembly_a_bar_stands_and_nothing_opens() {
    let guest = Guest::under("default-src 'self'; script-src 'self'", "", serve);
    guest.browser().run_first(LISTEN);
    guest.open("/gated");
    guest.visitor.await_see("return notice?.querySelectorAll('.b button').length === 3");
    let state = guest.run("return [window.film ?? 0, kruimel.acceptedCategory('functional'), __thrown]");
    assert_eq!(state, json!([0, false, []]));
    guest.leave();
}

#[test]
fn a_call_for_a_category_that_is_not_there_decides_nothing_and_a_press_of_the_banner_is_no_gesture_for_scripts()
 {
    let guest = guest("");
    guest.browser().run_first(LISTEN);
    guest.open_undecided("/actions");
    guest.browser().click("p, body");
    guest.run("for (const names of ['marketing', 'necessary', [], '']) kruimel.acceptCategory(names)");
    guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
    assert_eq!(guest.run("return kruimel.getUserPreferences() ?? null"), json!(null));
    guest.run("addEventListener('click', () => kruimel.acceptCategory('all'))");
    guest.visitor.decide("section", REFUSE);
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    let handed = "return [...document.scripts].filter(script => typeof script.kruimel === 'object' && script.kruimel).length";
    assert_eq!(guest.run(handed), 0);
    guest.run("kruimel.showPreferences(new Event('click'))");
    guest.visitor.await_dialog();
    guest.visitor.see("dialog.close()");
    guest.visitor.await_see("return !dialog");
    assert_eq!(guest.run("return __thrown"), json!([]));
    guest.leave();
}

#[test]
fn events_are_told_under_both_names_where_the_site_asks_for_it() {
    for (options, aliases) in [("event_aliases = true", true), ("", false)] {
        let guest = guest(options);
        guest.browser().run_first(LISTEN);
        guest.open_undecided("/");
        guest.visitor.decide("section", ACCEPT);
        let told = guest.run("return __told");
        for name in ["onModalShow", "onFirstConsent", "onConsent"] {
            let has = |prefix: &str| {
                told.as_array().unwrap().iter().filter(|one| **one == format!("{prefix}:{name}")).count()
            };
            assert_eq!((has("kruimel"), has("cc")), (1, usize::from(aliases)), "{name}: {told}");
        }
        guest.leave();
    }
}

#[test]
fn an_element_of_the_page_asks_shows_refuses_and_grants_only_for_a_visitor() {
    let guest = guest("");
    guest.open_undecided("/actions");
    guest.run("document.querySelector('#all').click()");
    guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
    assert_eq!(guest.run("return kruimel.getUserPreferences() ?? null"), json!(null));
    guest.browser().click("#none");
    guest.browser().await_script("return window.refused && kruimel.getUserPreferences()?.day");
    guest.browser().click("#show");
    guest.visitor.await_see("return !!notice");
    guest.browser().click("#all");
    guest.browser().await_script("return kruimel.acceptedCategory('advertising')");
    guest.browser().click("#settings");
    guest.visitor.await_dialog();
    guest.leave();
}

#[test]
fn l36_microsofts_tags_are_told_the_default_first_and_every_choice() {
    let guest = guest("microsoft = true\ngoogle = false");
    let told =
        "return JSON.stringify([(window.uetq ?? []), [...(window.clarity?.q ?? [])].map(one => [...one])])";
    guest.open_undecided("/");
    let before = guest.run(told).as_str().unwrap().to_owned();
    assert!(before.starts_with(r#"[["consent","default",{"ad_storage":"denied"},"#), "{before}");
    assert!(
        before.contains(r#"["consentv2",{"ad_Storage":"denied","analytics_Storage":"denied"}]"#),
        "{before}"
    );
    assert!(!before.contains("granted"), "{before}");
    guest.visitor.decide("section", ACCEPT);
    let after = guest.run(told).as_str().unwrap().to_owned();
    assert!(after.contains(r#""consent","update",{"ad_storage":"granted"}"#), "{after}");
    assert!(
        after.contains(r#"["consentv2",{"ad_Storage":"granted","analytics_Storage":"granted"}]"#),
        "{after}"
    );
    assert_eq!(guest.run("return typeof dataLayer"), "undefined");
    guest.leave();
}

#[test]
fn l36_a_loader_without_async_tells_the_default_before_a_tag_that_is_not_gated() {
    let guest = guest("");
    guest.open_undecided("/tags");
    let told = guest.run("return dataLayer.map(one => [...one].slice(0, 2).join())");
    let place = |what: &str| told.as_array().unwrap().iter().position(|one| one == what).unwrap();
    assert_eq!(place("consent,default"), 0, "{told}");
    assert!(place("consent,default") < place("config,G-1"), "{told}");
    guest.leave();
}

#[test]
fn l35_where_the_site_says_so_a_signal_stands_for_a_refusal_until_the_visitor_chooses() {
    let gpc = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})";
    let dnt = "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})";
    for (options, signal) in [("signal = 'quiet'", gpc), ("signal = 'quiet'\ndo_not_track = true", dnt)] {
        let guest = guest(options);
        guest.browser().run_first(signal);
        guest.open("/");
        guest.visitor.await_see(&format!("return !!{REOPEN_BUTTON}"));
        assert!(guest.browser().cookie_names().is_empty());
        let fetched = guest.browser().requested();
        assert!(!fetched.iter().any(|address| address.contains("/a/")), "{fetched:?}");
        guest.visitor.see(&format!("{REOPEN_BUTTON}.focus()"));
        guest.click_in(REOPEN_BUTTON);
        guest.visitor.await_dialog();
        guest.visitor.decide("dialog", ACCEPT);
        guest.open("/actions");
        assert_eq!(
            guest.run("return [kruimel.acceptedCategory('advertising'), window.refused ?? 0]"),
            json!([true, 0])
        );
        guest.leave();
    }
}

#[test]
fn l25_the_way_back_is_judged_anew_whenever_the_page_changes() {
    let guest = guest("[site.theme]\nsurface = { light = '#fffffe', dark = '#1f1914' }");
    guest.open_undecided("/actions");
    guest.visitor.decide("section", REFUSE);
    assert_eq!(guest.visitor.see(&format!("return {REOPEN_BUTTON}")), json!(null));
    guest.run("document.querySelector('#settings').remove()");
    guest.visitor.await_see(&format!("return !!{REOPEN_BUTTON}"));
    let look = guest.visitor.see(&format!(
        "const style = getComputedStyle({REOPEN_BUTTON}); return [style.backgroundColor, {REOPEN_BUTTON}.offsetHeight, {REOPEN_BUTTON}.offsetWidth]"
    ));
    assert_eq!(look, json!(["rgb(255, 255, 254)", 44, 44]));
    guest.run("document.body.insertAdjacentHTML('beforeend', '<a href=\"#\" data-cc=show-preferencesModal>Cookies</a>')");
    guest.visitor.await_see(&format!("return !{REOPEN_BUTTON}"));
    guest.leave();
}

/// Cookies that are no choice: what they are, and what they hold.
const NO_CHOICE: [(&str, &str); 14] = [
    ("no JSON", "%7Bcategories"),
    ("half an escape", "%E0%A4%A"),
    ("a list", "[]"),
    ("null", "null"),
    (
        "a grant without a signature",
        r#"{"categories":["necessary","functional"],"services":{},"revision":1,"day":"DAY"}"#,
    ),
    (
        "a revision to come",
        r#"{"categories":["necessary","functional"],"services":{},"revision":99,"sig":"x","expirationTime":99999999999999}"#,
    ),
    (
        "an older format",
        r#"{"categories":["necessary","functional"],"level":["functional"],"revision":0,"consentTimestamp":"2020"}"#,
    ),
    (
        "categories that are no list",
        r#"{"categories":{"length":9},"revision":1,"sig":"x","expirationTime":99999999999999}"#,
    ),
    (
        "a signature that is none",
        r#"{"categories":["necessary","functional"],"services":{},"revision":1,"sig":"x","expirationTime":END}"#,
    ),
    (
        "an end that is too far away",
        r#"{"categories":["necessary","functional"],"services":{},"revision":1,"sig":"0123456789012345678901234567890123456789012","expirationTime":99999999999999}"#,
    ),
    (
        "a grant that somebody made up",
        r#"{"categories":["necessary","functional"],"services":{},"revision":1,"site":"kaai","sig":"0123456789012345678901234567890123456789012","expirationTime":END}"#,
    ),
    (
        "a grant that waits for the collector and was not made in this tab",
        r#"{"categories":["necessary","functional"],"services":{},"revision":1,"pending":{"v":1,"action":"accept","surface":"notice"},"day":"DAY"}"#,
    ),
    (
        "a decision that waits for nothing",
        r#"{"categories":["necessary","functional"],"services":{},"revision":1,"pending":1,"day":"DAY"}"#,
    ),
    (
        "an end that has passed",
        r#"{"categories":["necessary","functional"],"services":{},"revision":1,"sig":"x","expirationTime":1}"#,
    ),
];

#[test]
fn a_cookie_that_is_no_choice_grants_nothing_throws_nothing_and_the_visitor_is_asked() {
    let guest = guest("");
    guest.browser().run_first(LISTEN);
    guest.open("/");
    for (what, cookie) in NO_CHOICE {
        guest.run(&format!(
            "document.cookie = 'kruimel=' + {cookie:?}.replace('DAY', new Date().toISOString().slice(0, 10)).replace('END', Date.now() + 1e9) + '; path=/'"
        ));
        guest.open_undecided("/gated");
        guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
        let state = guest.run("return [window.film ?? 0, kruimel.acceptedCategory('functional'), __thrown]");
        assert_eq!(state, json!([0, false, []]), "{what}");
    }
    guest.leave();
}

/// Gives the page's cookie another text, as whoever writes cookies can.
const TAMPER: &str = "const [, value] = document.cookie.match(/kruimel=([^;]*)/);
    const cookie = JSON.parse(decodeURIComponent(value));
    cookie.categories.push('functional');
    document.cookie = 'kruimel=' + encodeURIComponent(JSON.stringify(cookie)) + '; path=/';";

#[test]
fn a_grant_that_was_tampered_with_opens_nothing_and_one_that_is_whole_goes_on() {
    let guest = guest("");
    guest.open_undecided("/gated");
    guest.click_granting("analytics");
    guest.browser().await_script("return kruimel.getUserPreferences()?.sig");
    guest.open("/gated");
    guest.browser().await_script("return kruimel.acceptedCategory('analytics')");
    // In this tab, which knew the cookie as it was, and in another, which asks the collector about it.
    for forget in ["", "sessionStorage.clear();"] {
        guest.run(&format!("{forget}{TAMPER}"));
        guest.open_undecided("/gated");
        let state = guest.run("return [window.film ?? 0, kruimel.acceptedCategory('functional'), kruimel.getUserPreferences() ?? 0]");
        assert_eq!(state, json!([0, false, 0]), "{forget}");
        assert_eq!(
            guest.run("return document.cookie.includes('kruimel=')"),
            false,
            "the collector takes it away"
        );
        guest.click_granting("analytics");
        guest.browser().await_script("return kruimel.getUserPreferences()?.sig");
    }
    guest.run("sessionStorage.clear()");
    guest.open("/gated");
    guest.browser().await_script("return kruimel.acceptedCategory('analytics') && !document.querySelector('kruimel-banner').shadowRoot.querySelector('section')");
    guest.leave();
}

#[test]
fn a_consent_that_ended_elsewhere_opens_nothing_in_a_new_tab() {
    let guest = guest("");
    guest.open_undecided("/gated");
    guest.visitor.click("section", ACCEPT);
    guest.browser().await_script("return window.film === 1 && kruimel.getUserPreferences()?.sig");
    // As the same visitor does on another host of the site, whose cookies do not come here.
    guest.run(
        "const body = JSON.stringify({v: 1, site: 'kaai', action: 'withdraw', categories: ['necessary'], revision: 1, text: '', language: 'en', \
         surface: 'page', earlier: document.cookie.match(/kruimel=([^;]*)/)[1]});
         return fetch('/kruimel/consent', {method: 'POST', body, credentials: 'omit'}).then(answer => answer.ok)",
    );
    guest.run("sessionStorage.clear()");
    guest.open_undecided("/gated");
    assert_eq!(
        guest.run("return [window.film ?? 0, kruimel.acceptedCategory('functional')]"),
        json!([0, false])
    );
    guest.leave();
}

#[test]
fn a_second_tag_a_page_without_a_body_and_storage_that_throws_do_no_harm() {
    let guest = guest("");
    guest.browser().run_first(LISTEN);
    guest.open_undecided("/twice");
    assert_eq!(guest.run("return document.querySelectorAll('kruimel-banner').length"), 1);
    guest.browser().open_page(&guest.address("/bodyless"));
    guest.visitor.await_see("return !!notice");
    assert_eq!(guest.run("return __thrown"), json!([]));
    guest.browser().run_first(
        "Object.defineProperty(document, 'cookie', {get() { throw new DOMException('no', 'SecurityError') }, set() { throw new DOMException('no', 'SecurityError') }});
         for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches'])
             Object.defineProperty(window, name, {get() { throw new DOMException('no', 'SecurityError') }});",
    );
    guest.open_undecided("/gated");
    guest.visitor.click("section", ACCEPT);
    guest.browser().await_script("return window.film === 1");
    guest.browser().click("body");
    guest.run("kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.see("dialog.querySelectorAll('input:checked:not(:disabled)').forEach(one => one.click())");
    guest.visitor.click("dialog", SAVE);
    guest.visitor.await_see("return !dialog");
    assert_eq!(guest.run("return __thrown"), json!([]));
    guest.leave();
}
