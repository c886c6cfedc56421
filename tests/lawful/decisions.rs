//! What becomes of a decision that the collector hears of late, or that other tabs and older cookies stand beside.

use super::guest::{Guest, page};
use super::{ACCEPT, REFUSE, SAVE};
use crate::stack::signal;
use serde_json::{Value, json};

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" => page("", "<p>page</p>"),
        "/counted" => page(
            "<script type='text/plain' data-category=analytics data-service=leeshoek data-src='/counter.js'></script>",
            "<p>page</p>",
        ),
        "/counter.js" => Some(("text/javascript", "window.counted = true".to_owned())),
        "/empty" => Some(("text/html", "<!doctype html><title>Empty</title>".to_owned())),
        _ => None,
    }
}

const ROWS: &str = "SELECT count() FROM consents WHERE action = 'withdraw' AND withdraws != 0";

fn accepted(guest: &Guest) {
    guest.open_undecided("/counted");
    guest.visitor.decide("section", ACCEPT);
    guest.browser().await_script("return window.counted");
    guest.run("window.__before = true; kruimel.showPreferences()");
    guest.visitor.await_dialog();
}

fn block(guest: &Guest, addresses: &str) {
    guest.browser().protocol("Network.enable", &json!({}));
    guest.browser().protocol("Network.setBlockedURLs", &json!({"urls": [addresses]}));
}

fn await_reload(guest: &Guest) {
    guest.browser().await_script("return !window.__before && !!window.kruimel?.getUserPreferences");
}

#[test]
fn l27_what_is_taken_back_is_told_first_and_the_page_goes_whatever_cannot_be_fetched() {
    let guest = Guest::new("", serve);
    accepted(&guest);
    block(&guest, "*/a/more.*");
    guest.browser().requested();
    guest.visitor.click("dialog", REFUSE);
    await_reload(&guest);
    assert_eq!(guest.run("return window.counted ?? null"), Value::Null);
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    let requested = guest.browser().requested();
    let place = |part: &str| requested.iter().position(|address| address.contains(part));
    assert!(place("/kruimel/consent").unwrap() < place("/a/more.").unwrap(), "{requested:?}");
    let stack = &guest.visitor.stack;
    stack.await_count(ROWS, 1);
    guest.leave();
}

#[test]
fn l27_what_ran_counts_though_its_element_left_the_page() {
    let guest = Guest::new("", serve);
    accepted(&guest);
    guest.run("document.querySelectorAll('[data-category]').forEach(one => one.remove())");
    guest.visitor.click("dialog", REFUSE);
    await_reload(&guest);
    guest.leave();
}

#[test]
fn l27_a_withdrawal_ends_the_newer_of_two_receipts_of_one_name() {
    let guest = Guest::new("", serve);
    guest.browser().open_page(&guest.address("/empty"));
    guest.run(
        "document.cookie = 'kruimel=' + encodeURIComponent(JSON.stringify({categories: ['necessary'], services: {},
            revision: 0, day: '2026-01-01'})) + '; Path=/counted'",
    );
    accepted(&guest);
    guest.visitor.click("dialog", REFUSE);
    await_reload(&guest);
    guest.visitor.await_see("return !kruimel.getUserPreferences()?.pending");
    guest.visitor.stack.await_count(ROWS, 1);
    guest.leave();
}

#[test]
fn l27_a_decision_that_waits_for_its_answer_leaves_a_newer_one_of_another_tab() {
    let guest = Guest::new("", serve);
    guest.open_undecided("/");
    let first = guest.browser().open_tab();
    guest.open_undecided("/");
    block(&guest, "*/kruimel/consent");
    let second = guest.browser().open_tab();
    guest.browser().switch_to(first.clone());
    let collector = guest.visitor.stack.process_id();
    signal(collector, "STOP");
    guest.visitor.click("section", ACCEPT);
    guest.browser().await_script("return kruimel.getUserPreferences()?.pending");
    guest.browser().switch_to(second);
    guest.visitor.click("section", REFUSE);
    guest.browser().await_script("return document.cookie.includes('kruimel=')");
    guest.browser().switch_to(first);
    guest.browser().open_page(&guest.address("/empty"));
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    signal(collector, "CONT");
    guest.leave();
}

/// More services than a cookie has room for twice.
const MANY: usize = 58;

fn many() -> String {
    let services = (0..MANY).map(|number| {
        format!(
            "[[site.service]]\nid = \"counter-number-{number:02}-of-the-harbour\"\ncategory = \"analytics\"\nname = \"Counter {number}\"\n\
             provider = \"City\"\npurpose = \"Counts.\"\n"
        )
    });
    format!("service_switches = true\n{}", services.collect::<String>())
}

/// Sets the switch of every service but these, and saves.
fn save_without(guest: &Guest, services: &[&str]) {
    guest.visitor.see(&format!(
        "const parts = [...dialog.querySelectorAll('input[name=analytics]')].filter(one => one.value && one.value !== 'on');
         for (const one of parts) one.checked = !{}.includes(one.value);
         parts.at(-1).dispatchEvent(new Event('change', {{bubbles: true}}))",
        json!(services)
    ));
    guest.visitor.click("dialog", SAVE);
}

#[test]
fn l27_a_choice_too_long_for_a_cookie_is_taken_back_in_part_and_as_a_whole() {
    let options = many();
    let guest = Guest::new(&options, serve);
    guest.open_undecided("/counted");
    guest.visitor.choose();
    save_without(&guest, &["counter-number-00-of-the-harbour"]);
    guest.browser().await_script("return window.counted && kruimel.getUserPreferences().sig");
    guest.run("window.__before = true; kruimel.showPreferences()");
    guest.visitor.await_dialog();
    save_without(&guest, &["counter-number-00-of-the-harbour", "leeshoek"]);
    await_reload(&guest);
    guest.browser().await_script("return kruimel.getUserPreferences()?.sig");
    assert_eq!(guest.run("return kruimel.acceptedCategory('analytics', 'leeshoek')"), false);
    assert_eq!(
        guest.run("return kruimel.acceptedCategory('analytics', 'counter-number-01-of-the-harbour')"),
        true
    );
    guest.run("window.__before = true; kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.decide("dialog", REFUSE);
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    guest.visitor.stack.await_count(ROWS, 1);
    guest.leave();
}

/// Points at the banner and waits until the page has what a grant opens.
fn come_near(guest: &Guest) {
    let place = guest.visitor.await_see(
        "const box = notice?.getBoundingClientRect();
         return box && [Math.round(box.x + box.width / 2), Math.round(box.y + 12)]",
    );
    guest.browser().point_at(place[0].as_i64().unwrap(), place[1].as_i64().unwrap());
    guest.browser().await_script(
        "return performance.getEntriesByType('resource').some(one => one.name.includes('/a/gate.') && one.responseEnd)",
    );
}

/// Accepts while the collector is slow, and waits until the page follows. Gives the collector's process.
fn accept_slowly(guest: &Guest) -> u32 {
    guest.open_undecided("/counted");
    guest.run("window.__before = true");
    come_near(guest);
    let collector = guest.visitor.stack.process_id();
    signal(collector, "STOP");
    guest.visitor.click("section", ACCEPT);
    guest.browser().await_script("return window.counted && kruimel.getUserPreferences()?.pending");
    collector
}

#[test]
fn whoever_looks_away_while_the_collector_is_slow_keeps_page_and_grant() {
    let guest = Guest::new("", serve);
    let collector = accept_slowly(&guest);
    guest.run("for (const name of ['visibilitychange', 'focus']) dispatchEvent(new Event(name))");
    guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
    assert_eq!(
        guest.run("return [window.__before, kruimel.acceptedCategory('analytics')]"),
        json!([true, true])
    );
    signal(collector, "CONT");
    guest.browser().await_script("return kruimel.getUserPreferences().sig");
    assert_eq!(guest.run("return window.__before"), true);
    guest.leave();
}

#[test]
fn l27_what_is_taken_back_before_its_grant_was_answered_stays_taken_back() {
    let guest = Guest::new("", serve);
    let collector = accept_slowly(&guest);
    guest.run("kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.click("dialog", REFUSE);
    guest.browser().await_script("return !kruimel.acceptedCategory('analytics')");
    signal(collector, "CONT");
    await_reload(&guest);
    guest.visitor.await_see("return !kruimel.getUserPreferences()?.pending");
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    guest.visitor.stack.await_drained();
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    guest.leave();
}
