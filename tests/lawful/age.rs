//! Age mode: optional categories need the visitor to say that they are old enough.

use super::guest::{Guest, page};
use super::{ACCEPT, REFUSE, SAVE};
use crate::stack::signal;
use fantoccini::key::Key;
use serde_json::{Value, json};

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" => page(
            "",
            "<iframe width=560 height=315 data-category=functional data-service=filmkade data-src='/film'></iframe>",
        ),
        "/film" => Some(("text/html", "<p>film</p>".to_owned())),
        _ => None,
    }
}

const YES: &str = "document.querySelector('kruimel-message')?.shadowRoot.querySelector('.b button')";
const NO: &str =
    "document.querySelector('kruimel-message')?.shadowRoot.querySelector('.b button:last-child')";

fn guest() -> Guest {
    Guest::new("[site.age]\ncountry = \"BE\"\n", serve)
}

fn await_question(guest: &Guest) {
    let heading = guest.visitor.await_see("return document.querySelector('kruimel-message')?.shadowRoot.querySelector('dialog h2')?.textContent ?? null");
    assert_eq!(heading, "Are you 13 or older?");
}

#[test]
fn l48_a_grant_asks_for_the_age_and_only_yes_grants() {
    let guest = guest();
    guest.open_undecided("/");
    guest.visitor.click("section", ACCEPT);
    await_question(&guest);
    let alike = guest.visitor.see(
        "const message = document.querySelector('kruimel-message').shadowRoot;
         const [yes, no] = [...message.querySelectorAll('button')].map(one => {
             const style = getComputedStyle(one), box = one.getBoundingClientRect();
             return [style.background, style.color, style.font, style.border, Math.round(box.width), Math.round(box.height)].join() });
         return [yes === no, message.activeElement.localName, kruimel.acceptedCategory('functional')]",
    );
    assert_eq!(alike, json!([true, "dialog", false]));
    guest
        .visitor
        .see("document.querySelector('kruimel-message')?.shadowRoot.querySelector('dialog button').click()");
    assert_eq!(
        guest.run("return kruimel.getUserPreferences() ?? null"),
        Value::Null,
        "a script answers nothing"
    );
    guest.click_in(YES);
    guest.visitor.await_see("return !!kruimel.getUserPreferences()?.sig");
    assert_eq!(guest.visitor.granted(), json!(["necessary", "functional", "analytics", "advertising"]));
    let kept = guest.visitor.choice().unwrap().to_string();
    assert!(!kept.contains("age") || !kept.contains("of_age"), "{kept}");
    guest.leave();
}

#[test]
fn l48_no_is_a_plain_refusal_and_escape_decides_nothing() {
    let guest = guest();
    guest.open_undecided("/");
    guest.visitor.click("section", ACCEPT);
    await_question(&guest);
    guest.browser().press(Key::Escape, false);
    guest.visitor.await_see("return !document.querySelector('kruimel-message') && !!notice");
    assert_eq!(guest.visitor.choice(), None);

    guest.open_undecided("/");
    guest.visitor.click("section", ACCEPT);
    await_question(&guest);
    guest.click_in(NO);
    guest.visitor.await_see("return kruimel.getUserPreferences() && !kruimel.getUserPreferences().pending");
    let refused = guest.visitor.choice().unwrap();
    assert_eq!(refused["categories"], json!(["necessary"]));
    let mut keys: Vec<&String> = refused.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["categories", "day", "revision", "services"]);
    let stack = &guest.visitor.stack;
    stack.await_count("SELECT count() FROM consents WHERE action = 'refuse' AND consent_id = 0", 1);
    guest.leave();
}

#[test]
fn l48_a_frame_is_not_shown_once_either_without_the_answer_and_a_refusal_goes_before_it() {
    let guest = guest();
    guest.open_undecided("/");
    guest.visitor.decide("section", REFUSE);
    let once = "document.querySelector('kruimel-embed')?.shadowRoot.querySelector('button')";
    guest.click_in(once);
    await_question(&guest);
    guest.click_in(NO);
    guest.visitor.await_see("return !document.querySelector('kruimel-message')");
    assert_eq!(guest.run("return document.querySelector('iframe').hasAttribute('src')"), false);
    guest.click_in(once);
    await_question(&guest);
    guest.click_in(YES);
    guest.browser().await_script("return document.querySelector('iframe').getAttribute('src') === '/film'");

    // What is refused while the question is open stays refused.
    guest.open("/");
    guest.click_in("document.querySelector('kruimel-embed')?.shadowRoot.querySelectorAll('button')[1]");
    await_question(&guest);
    guest.run("kruimel.withdraw()");
    guest.click_in(YES);
    guest.visitor.await_see(
        "return !document.querySelector('kruimel-message') && !kruimel.getUserPreferences().pending",
    );
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    guest.leave();
}

/// Sets these switches and saves.
fn save(guest: &Guest, wanted: &[&str]) {
    guest.run("kruimel.showPreferences()");
    guest.visitor.await_dialog();
    guest.visitor.see(&format!(
        "for (const one of dialog.querySelectorAll('article input:enabled')) one.checked = {}.includes(one.name)",
        json!(wanted)
    ));
    guest.visitor.click("dialog", SAVE);
}

#[test]
fn l48_less_than_was_granted_is_not_asked_about_and_holds_without_an_answer() {
    let guest = guest();
    guest.open_undecided("/");
    guest.visitor.click("section", ACCEPT);
    await_question(&guest);
    guest.click_in(YES);
    guest.visitor.await_see("return kruimel.getUserPreferences()?.sig");

    save(&guest, &["functional", "advertising"]);
    guest
        .browser()
        .await_script("return !kruimel.acceptedCategory('analytics') && kruimel.getUserPreferences().sig");
    assert_eq!(guest.visitor.granted(), json!(["necessary", "functional", "advertising"]));

    // One taken back and another added: without an answer, what was taken back is.
    save(&guest, &["advertising", "analytics"]);
    await_question(&guest);
    guest.browser().press(Key::Escape, false);
    guest
        .browser()
        .await_script("return !kruimel.acceptedCategory('functional') && kruimel.getUserPreferences().sig");
    assert_eq!(guest.visitor.granted(), json!(["necessary", "advertising"]));
    guest.leave();
}

#[test]
fn l48_a_yes_counts_though_the_answer_to_a_refusal_came_while_it_was_asked() {
    let guest = guest();
    guest.open_undecided("/");
    guest.visitor.click("section", ACCEPT);
    await_question(&guest);
    guest.browser().press(Key::Escape, false);
    guest.visitor.await_see("return !document.querySelector('kruimel-message') && !!notice");
    let collector = guest.visitor.stack.process_id();
    signal(collector, "STOP");
    guest.visitor.click("section", REFUSE);
    guest.browser().await_script("return kruimel.getUserPreferences()?.pending");
    save(&guest, &["functional"]);
    await_question(&guest);
    signal(collector, "CONT");
    guest.browser().await_script("return !kruimel.getUserPreferences().pending");
    guest.click_in(YES);
    guest.browser().await_script("return kruimel.getUserPreferences().sig");
    assert_eq!(guest.visitor.granted(), json!(["necessary", "functional"]));
    guest.leave();
}

#[test]
fn l48_the_answer_is_not_kept_where_the_collector_is_away() {
    let guest = guest();
    guest.open_undecided("/");
    guest.browser().protocol("Network.enable", &json!({}));
    guest.browser().protocol("Network.setBlockedURLs", &json!({"urls": ["*/kruimel/consent"]}));
    guest.visitor.click("section", ACCEPT);
    await_question(&guest);
    guest.click_in(YES);
    guest.browser().await_script("return kruimel.acceptedCategory('functional')");
    guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
    assert_eq!(guest.visitor.choice(), None);
    assert_eq!(guest.run("return kruimel.acceptedCategory('functional')"), true);
    guest.open_undecided("/");
    guest.leave();
}
