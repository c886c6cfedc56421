//! What a withdrawal removes in every place of a browser, and what it tells of the rest.

use super::guest::{Guest, page};
use super::{ACCEPT, REFUSE};
use serde_json::json;

/// Stands for a counter that keeps something in every place, and for what nobody declared.
const COUNTER: &str = "
window.counted = true;
document.cookie = 'lh_a=1; Path=/'; document.cookie = 'lh_b=1; Path=/news'; document.cookie = 'other=1; Path=/';
for (const storage of [localStorage, sessionStorage])
    for (const key of ['lh_local', 'lh_local-2', 'lh_session', 'kw_view', 'other']) storage.setItem(key, '1');
window.ready = Promise.all([
    ...['lh_base', 'lh_base-2', 'other'].map(name => new Promise(done => { indexedDB.open(name).onsuccess = done; })),
    ...['lh_cache', 'other'].map(name => caches.open(name)),
]).then(() => { window.kept = true; });
addEventListener('pagehide', () => { localStorage.setItem('lh_local', 'once more'); });";

/// Notes every change that the page is told of.
const LISTEN: &str = "window.__changes = []; addEventListener('kruimel:onChange', event =>
    __changes.push([event.detail.changedCategories, event.detail.left ?? null]));";

const KEPT: &str = "return [document.cookie.split('; ').map(one => one.split('=')[0]).sort(), Object.keys(localStorage).sort(), Object.keys(sessionStorage).sort(),
    (await indexedDB.databases()).map(one => one.name).sort(), (await caches.keys()).sort()]";

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/counter.js" => Some(("text/javascript", COUNTER.to_owned())),
        "/film" => Some(("text/html", "<p>film</p>".to_owned())),
        "/image" => Some(("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>".to_owned())),
        "/news/ferry" => page(
            "<script type='text/plain' data-category=analytics data-service=leeshoek data-src='/counter.js'></script>",
            "<p>news</p>",
        ),
        "/plain" => page("", "<p>nothing gated</p>"),
        _ => None,
    }
}

/// Pages that wait longer for a database to go than a slow browser takes for it. One that another tab holds is told at once.
const PATIENT: &str = "const real = setTimeout;
window.setTimeout = (run, after, ...rest) => real(run, after === 500 ? 60000 : after, ...rest);";

fn accepted(guest: &Guest) {
    guest.open_undecided("/news/ferry");
    guest.visitor.decide("section", ACCEPT);
    guest.browser().await_script("return window.kept");
}

fn withdraw(guest: &Guest) {
    guest.run("window.__before = true; kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.click("dialog", REFUSE);
    guest.browser().await_script("return !window.__before && !!window.kruimel?.getUserPreferences");
    guest.visitor.await_see("return !kruimel.getUserPreferences()?.pending");
}

#[test]
fn l27_where_databases_are_not_listed_they_go_by_the_names_that_were_declared() {
    let guest = Guest::new("", serve);
    guest.browser().run_first("delete IDBFactory.prototype.databases");
    accepted(&guest);
    guest.run("return new Promise(done => { const request = indexedDB.open('lh_store'); request.onsuccess = () => { request.result.close(); done(true); } })");
    withdraw(&guest);
    // A database that is not there is made anew by opening it.
    let made_anew = "return new Promise(done => {
        let anew = false;
        const request = indexedDB.open('lh_store');
        request.onupgradeneeded = () => { anew = true };
        request.onsuccess = () => { request.result.close(); done(anew) };
    })";
    guest.visitor.await_see("return !!document.querySelector('kruimel-message')");
    assert_eq!(guest.run(made_anew), true);
    guest.leave();
}

#[test]
fn l27_withdrawing_empties_every_place_of_what_was_declared_and_loads_the_page_again() {
    let guest = Guest::new("", serve);
    guest.browser().run_first(LISTEN);
    guest.browser().run_first(PATIENT);
    accepted(&guest);
    withdraw(&guest);
    guest
        .visitor
        .await_see("return !!document.querySelector('kruimel-message')?.shadowRoot.querySelector('dialog')");
    assert_eq!(guest.run("return window.counted ?? null"), json!(null));
    let others = json!([
        ["kruimel", "other"],
        ["lh_session", "other"],
        ["kw_view", "lh_local", "lh_local-2", "other"],
        ["other"],
        ["other"]
    ]);
    assert_eq!(guest.run(KEPT), others);
    guest.leave();
}

#[test]
fn l28_what_stays_is_told_to_the_page_and_shown_after_it_was_loaded_again() {
    let guest = Guest::new("", serve);
    guest.browser().run_first(LISTEN);
    guest.browser().run_first(PATIENT);
    accepted(&guest);
    withdraw(&guest);
    let shown = guest.visitor.await_see(
        "const shown = document.querySelector('kruimel-message')?.shadowRoot.querySelector('dialog');
         return shown && [shown.querySelector('h2').textContent, shown.querySelector('li').textContent, shown.querySelectorAll('li').length, shown.open]",
    );
    assert_eq!(shown, json!(["What stays", "fk_player (Filmkade BV)", 1, true]));
    let left = json!([{"name": "fk_player", "provider": "Filmkade BV", "where": "elsewhere"}]);
    assert_eq!(guest.run("return __changes"), json!([[["functional", "analytics", "advertising"], left]]));
    guest.click_in("document.querySelector('kruimel-message')?.shadowRoot.querySelector('.b button')");
    guest
        .visitor
        .await_see("return !document.querySelector('kruimel-message')?.shadowRoot.querySelector('dialog')");
    // The ledger has it once, though two pages told it.
    let stack = &guest.visitor.stack;
    stack.await_count("SELECT count() FROM consents WHERE action = 'withdraw'", 1);
    stack.await_drained();
    stack.await_count("SELECT count() FROM consents", 2);
    // It is said once.
    guest.open("/news/ferry");
    guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
    assert_eq!(guest.visitor.see("return document.querySelector('kruimel-message')"), json!(null));
    guest.leave();
}

#[test]
fn l27_a_database_that_another_tab_holds_keeps_nothing_waiting_and_is_told() {
    let guest = Guest::new("", serve);
    accepted(&guest);
    let first = guest.browser().open_tab();
    guest.open("/plain");
    guest.run("return new Promise(done => { indexedDB.open('lh_base').onsuccess = event => { window.held = event.target.result; done(); } })");
    let second = guest.browser().open_tab();
    guest.browser().switch_to(first);
    withdraw(&guest);
    let items = guest.visitor.await_see(
        "const shown = document.querySelector('kruimel-message')?.shadowRoot.querySelector('dialog');
         return shown && [...shown.querySelectorAll('li')].map(one => one.textContent)",
    );
    assert_eq!(items, json!(["fk_player (Filmkade BV)", "lh_base* (Leeshoek BV)"]));
    // It goes as soon as nobody holds it.
    guest.browser().switch_to(second);
    guest.run("held.close()");
    guest.browser().await_script("return (await indexedDB.databases()).every(one => one.name !== 'lh_base')");
    guest.leave();
}

#[test]
fn l27_where_nothing_gated_ran_the_page_is_not_loaded_again() {
    let guest = Guest::new("", serve);
    guest.browser().run_first(LISTEN);
    guest.browser().run_first(PATIENT);
    guest.open_undecided("/plain");
    guest.visitor.decide("section", ACCEPT);
    guest.run(
        "window.__before = true; localStorage.lh_local = 1;
         return new Promise(done => { indexedDB.open('lh_base').onsuccess = event => { event.target.result.close(); done(); } })",
    );
    guest.run("kruimel.withdraw()");
    guest
        .visitor
        .await_see("return !!document.querySelector('kruimel-message')?.shadowRoot.querySelector('dialog')");
    let left = json!([{"name": "fk_player", "provider": "Filmkade BV", "where": "elsewhere"}]);
    let names = json!(["functional", "analytics", "advertising"]);
    assert_eq!(guest.run("return [__before, __changes]"), json!([true, [[names, null], [names, left]]]));
    assert_eq!(guest.run(KEPT), json!([["kruimel"], [], [], [], []]));
    guest.leave();
}

#[test]
fn l27_another_tab_is_loaded_again_and_keeps_nothing_in_its_session() {
    let guest = Guest::new("", serve);
    accepted(&guest);
    guest.run("window.__before = true");
    let first = guest.browser().open_tab();
    guest.open("/plain");
    guest.run("kruimel.withdraw()");
    guest
        .visitor
        .await_see("return !kruimel.getUserPreferences().pending && !kruimel.acceptedCategory('analytics')");
    guest.browser().switch_to(first);
    guest.run("dispatchEvent(new Event('focus'))");
    guest.browser().await_script("return !window.__before && !!window.kruimel?.getUserPreferences");
    assert_eq!(
        guest.run("return [window.counted ?? null, sessionStorage.getItem('lh_session')]"),
        json!([null, null])
    );
    guest.leave();
}
