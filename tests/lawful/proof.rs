//! A grant that is not proven: what a cookie can make a page do before the collector answered, and what it cannot.

use super::guest::{Guest, page};
use super::{ACCEPT, REFUSE, SAVE};
use crate::http::send;
use crate::stack::{Stack, signal};
use serde_json::{Value, json};

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" => page("", "<p>Page</p>"),
        "/gated" => page(
            "<script type='text/plain' data-category=functional data-src='/film.js'></script>
             <script type='text/plain' data-category=analytics data-service=leeshoek data-src='/counter.js'></script>",
            "<p>Page</p>",
        ),
        "/refused" => page("<script type='text/plain' data-category='!functional' data-src='/film.js'></script>", ""),
        "/film.js" => Some(("text/javascript", "window.film = true".to_owned())),
        "/counter.js" => Some(("text/javascript", "window.counted = true".to_owned())),
        _ => None,
    }
}

fn guest() -> Guest {
    Guest::new("", serve)
}

fn block(guest: &Guest, addresses: &[&str]) {
    guest.browser().protocol("Network.enable", &json!({}));
    guest.browser().protocol("Network.setBlockedURLs", &json!({"urls": addresses}));
}

fn settle(guest: &Guest) {
    guest.run("return new Promise(done => setTimeout(() => requestIdleCallback(done, {timeout: 2000})))");
}

/// How often addresses with this in them were asked for.
fn asked(guest: &Guest, part: &str) -> usize {
    guest.browser().requested().iter().filter(|address| address.contains(part)).count()
}

#[test]
fn a_refusal_that_somebody_wrote_sends_no_grant() {
    let guest = guest();
    guest.open_undecided("/");
    // What waits for the collector is sent with the next page; a refusal needs no proof.
    guest.run(
        "const day = new Date().toISOString().slice(0, 10), all = ['necessary', 'functional', 'analytics', 'advertising'];
         const pending = {v: 1, action: 'accept', surface: 'notice', text: '', language: 'en', categories: all, services: {}, site: 'kaai', revision: 1};
         const cookie = {categories: ['necessary'], services: {}, revision: 1, day, pending};
         document.cookie = 'kruimel=' + encodeURIComponent(JSON.stringify(cookie)) + '; path=/'",
    );
    guest.open("/gated");
    guest.browser().await_script("return !decodeURIComponent(document.cookie).includes('pending')");
    settle(&guest);
    assert_eq!(
        guest.run("return [window.film ?? 0, window.counted ?? 0, kruimel.acceptedCategory('functional')]"),
        json!([0, 0, false])
    );
    guest.visitor.stack.await_drained();
    assert_eq!(guest.visitor.stack.count("SELECT count() FROM consents WHERE action = 'accept'"), 0);
    guest.leave();
}

#[test]
fn what_was_in_the_cookie_when_a_decision_was_answered_is_no_grant_by_that() {
    let guest = guest();
    // Another script writes its own cookie over the collector's, before the page reads what became of its decision.
    guest.browser().run_first(
        "const real = window.fetch;
         window.fetch = (...of) => real(...of).then(answer => {
             if (of[1]?.method === 'POST') document.cookie = 'kruimel=' + encodeURIComponent(JSON.stringify({categories: ['necessary', 'functional'],
                 services: {}, revision: 1, day: new Date().toISOString().slice(0, 10)})) + '; path=/';
             return answer;
         });",
    );
    guest.open_undecided("/gated");
    guest.click_granting("analytics");
    guest.browser().await_script("return window.counted && document.cookie.includes('kruimel=')");
    settle(&guest);
    assert_eq!(guest.run("return kruimel.acceptedCategory('functional')"), false);
    guest.open_undecided("/gated");
    assert_eq!(
        guest.run("return [window.film ?? 0, kruimel.acceptedCategory('functional')]"),
        json!([0, false])
    );
    guest.leave();
}

#[test]
fn a_refusal_stands_when_the_grant_before_it_is_proven_late() {
    let guest = guest();
    guest.open_undecided("/gated");
    guest.visitor.decide("section", ACCEPT);
    guest.run("sessionStorage.clear()");
    // The proof stays under way until the test lets it go on; so does the refusal.
    guest.browser().run_first(
        "const real = window.fetch, held = {};
         for (const name of ['GET', 'POST']) held[name] = new Promise(go => (window['go' + name] = go));
         window.fetch = async (...of) => {
             if (String(of[0]).includes('/consent')) await held[of[1]?.method ?? 'GET'];
             return real(...of);
         };",
    );
    guest.open("/gated");
    guest.run("kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.click("dialog", REFUSE);
    guest.browser().await_script("return kruimel.getUserPreferences()?.pending");
    guest.run("goGET()");
    guest.browser().await_script(
        "return performance.getEntriesByType('resource').some(one => one.name.includes('/consent?') && one.responseEnd)",
    );
    settle(&guest);
    guest.run("for (const name of ['visibilitychange', 'focus']) dispatchEvent(new Event(name))");
    settle(&guest);
    assert_eq!(
        guest.run("return [window.film ?? 0, kruimel.acceptedCategory('functional')]"),
        json!([0, false])
    );
    guest.run("goPOST()");
    guest
        .visitor
        .await_see("return kruimel.getUserPreferences()?.day && !kruimel.getUserPreferences().pending");
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    guest.leave();
}

#[test]
fn l27_less_in_another_tab_counts_here_at_once_also_where_the_collector_does_not_answer() {
    let guest = guest();
    guest.open_undecided("/");
    guest.visitor.decide("section", ACCEPT);
    guest.open("/");
    guest.browser().await_script("return kruimel.acceptedCategory('analytics')");
    guest.run("window.__here = true");
    let first = guest.browser().open_tab();
    guest.open("/");
    guest.browser().await_script("return kruimel.acceptedCategory('analytics')");
    let second = guest.browser().open_tab();
    guest.browser().switch_to(second.clone());
    block(&guest, &["*/kruimel/consent*"]);
    guest.run("kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.see("dialog.querySelector('input[name=functional]').click()");
    guest.visitor.click("dialog", SAVE);
    guest.browser().await_script("return !kruimel.acceptedCategory('functional')");
    guest.browser().switch_to(first);
    block(&guest, &["*/kruimel/consent*"]);
    guest.run("dispatchEvent(new Event('focus'))");
    guest.browser().await_script("return !kruimel.acceptedCategory('functional')");
    settle(&guest);
    assert_eq!(
        guest.run("return [window.__here, ...['functional', 'analytics', 'advertising'].map(name => kruimel.acceptedCategory(name))]"),
        json!([true, false, true, true])
    );
    guest.leave();
}

#[test]
fn l05_where_the_collector_does_not_answer_nothing_is_asked_again_and_again() {
    let guest = guest();
    guest.open_undecided("/gated");
    guest.visitor.decide("section", ACCEPT);
    guest.run("sessionStorage.clear()");
    block(&guest, &["*/kruimel/consent?*"]);
    guest.browser().requested();
    guest.open("/gated");
    // Whoever granted something can take it back all the same.
    guest.visitor.await_see("return [...root.children].some(one => one.localName === 'button')");
    settle(&guest);
    guest.run("for (let times = 0; times < 9; times++) kruimel.acceptedCategory('functional'), document.body.append('.')");
    settle(&guest);
    assert_eq!(
        guest.visitor.see("return [notice ?? null, window.film ?? 0, window.counted ?? 0]"),
        json!([null, 0, 0])
    );
    assert_eq!(asked(&guest, "/consent?"), 1);
    block(&guest, &[]);
    guest.run("dispatchEvent(new Event('focus'))");
    guest.browser().await_script("return window.film && window.counted");
    assert_eq!(asked(&guest, "/consent?"), 1);

    // Nor is the gate, where it cannot be had.
    guest.run("kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.decide("dialog", REFUSE);
    block(&guest, &["*/a/gate.*"]);
    guest.browser().protocol("Network.setCacheDisabled", &json!({"cacheDisabled": true}));
    guest.browser().requested();
    guest.open("/refused");
    guest.run(
        "return new Promise(async done => {
            for (let times = 0; times < 20; times++) {
                document.body.append('.');
                await new Promise(next => setTimeout(next, 10));
            }
            done();
         })",
    );
    settle(&guest);
    assert_eq!(asked(&guest, "/a/gate."), 1);
    assert_eq!(guest.run("return window.film ?? 0"), 0);
    block(&guest, &[]);
    guest.run("dispatchEvent(new Event('focus')); document.body.append('.')");
    guest.browser().await_script("return window.film");
    guest.leave();
}

#[test]
fn l27_less_that_has_the_page_loaded_again_is_one_decision_and_empties_what_it_takes_back() {
    for options in ["", "[site.age]\nlimit = 16\n"] {
        let guest = Guest::new(options, serve);
        guest.open_undecided("/gated");
        guest.visitor.click("section", ACCEPT);
        if !options.is_empty() {
            guest
                .click_in("document.querySelector('kruimel-message')?.shadowRoot.querySelector('.b button')");
        }
        guest.browser().await_script("return window.counted && kruimel.getUserPreferences()?.sig");
        guest.run(
            "return new Promise(done => {
                const request = indexedDB.open('lh_store');
                request.onsuccess = () => (request.result.close(), done());
             })",
        );
        guest.run("window.__before = true; kruimel.showPreferences()");
        guest.visitor.await_dialog();
        guest.visitor.see("dialog.querySelector('input[name=analytics]').click()");
        guest.visitor.click("dialog", SAVE);
        guest.browser().await_script("return !window.__before && kruimel?.getUserPreferences?.()?.sig");
        assert_eq!(guest.visitor.granted(), json!(["necessary", "functional", "advertising"]));
        guest.browser().await_script("return indexedDB.databases().then(all => all.length === 0)");
        guest.visitor.stack.await_drained();
        assert_eq!(guest.visitor.stack.count("SELECT count() FROM consents"), 2, "{options}");
        guest.leave();
    }
}

#[test]
fn a_page_of_one_site_does_not_end_the_consent_of_another() {
    const TWO: &str = "[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\ndirect = true\n\
        [[site]]\nid = \"kaai\"\nname = \"Kaai\"\nhosts = [\"localhost\"]\ncontroller = \"City\"\ncontact = \"a@kaai.example\"\n\
        time_zone = \"Europe/Brussels\"\nlanguages = [\"en\"]\n\
        [[site]]\nid = \"werf\"\nname = \"Werf\"\nhosts = [\"werf.example\"]\ncontroller = \"City\"\ncontact = \"a@kaai.example\"\n\
        time_zone = \"Europe/Brussels\"\nlanguages = [\"en\"]\n";
    let stack = Stack::start_with_config(TWO);
    let body = json!({"v": 1, "site": "kaai", "action": "accept", "categories": ["necessary", "functional", "analytics", "advertising"],
        "revision": 1, "text": "", "language": "en", "surface": "notice"});
    let granted = stack.post("/kruimel/consent", body.to_string().as_bytes(), "");
    assert_eq!(granted.status, 200, "{}", granted.text());
    let ask = |site: &str, host: &str| {
        let headers = [("host", host), ("cookie", &granted.cookies())];
        send(stack.public, "GET", &format!("/kruimel/consent?{site}"), &headers, b"")
    };
    assert_eq!(ask("kaai", "localhost").status, 204);
    // As a link on any page of the web can lead to.
    let other = ask("werf", "localhost");
    assert_eq!((other.status, other.set_cookie("kruimel")), (403, None));
    // On its own host, where it is no receipt, it goes.
    let own = ask("werf", "werf.example");
    assert_eq!((own.status, own.set_cookie("kruimel").is_some()), (403, true));
}

#[test]
fn the_way_to_choose_from_the_plain_bar_names_the_site() {
    let guest = guest();
    guest.browser().run_first("delete globalThis.WebAssembly");
    guest.open_undecided("/");
    guest.click_in("notice.querySelector('.b button.o')");
    guest.browser().await_script("return location.pathname === '/kruimel/privacy'");
    assert_eq!(guest.run("return location.search"), Value::from("?site=kaai"));
    guest.leave();
}

#[test]
fn a_decision_of_a_collector_that_is_slow_is_not_asked_again_in_its_tab() {
    let guest = guest();
    guest.open_undecided("/");
    let collector = guest.visitor.stack.process_id();
    signal(collector, "STOP");
    guest.visitor.click("section", ACCEPT);
    guest.browser().await_script("return kruimel.getUserPreferences()?.pending");
    signal(collector, "CONT");
    guest.open("/gated");
    guest.browser().await_script("return window.film && window.counted");
    assert_eq!(guest.visitor.see("return notice ?? null"), Value::Null);
    guest.leave();
}
