//! A visitor's own rows: seen, exported and erased with the receipt in the cookie; and receipts that are dead.

use super::{ALL, verified};
use crate::http::{Answer, send};
use crate::sender::{batch, try_batch};
use crate::stack::{SITE, Stack, signal};
use collector::withdrawn::Withdrawn;
use serde_json::Value;

pub(super) fn page(stack: &Stack, query: &str, cookies: &str) -> Answer {
    send(stack.public, "GET", &format!("/kruimel/privacy?lang=en{query}"), &[("cookie", cookies)], b"")
}

pub(super) fn press_erase(stack: &Stack, cookies: &str, token: &str) -> Answer {
    let origin = stack.origin();
    let headers = [
        ("origin", origin.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", cookies),
    ];
    let body = format!("token={token}&revision=1&action=erase");
    send(stack.public, "POST", "/kruimel/privacy?lang=en", &headers, body.as_bytes())
}

pub(super) fn token(page: &Answer) -> String {
    page.text().split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn l33_a_visitor_sees_exports_and_erases_their_own_record_and_the_chain_holds_without_it() {
    let stack = Stack::start();
    let first = stack.decide("accept", &ALL, "");
    let narrowed = stack.decide("save", &["functional", "analytics"], &first.cookies());
    let cookies = narrowed.cookies();
    let other = stack.decide("accept", &ALL, "").cookies();
    for (number, cookies) in [(1, &cookies), (2, &other)] {
        assert_eq!(try_batch(stack.public, cookies, &batch(number, "/page")).unwrap().status, 202);
    }
    stack.await_count("SELECT count() FROM consents", 3);
    stack.await_count("SELECT count() FROM events", 2);

    let mut shown = page(&stack, "", &cookies);
    stack.await_that("the store answers in the time that a page gives it", || {
        shown = page(&stack, "", &cookies);
        shown.text().matches("<b>Version 1, ").count() == 2
    });
    assert!(shown.text().contains("refused: Advertising"), "{}", shown.text());
    let mut exported = Value::Null;
    stack.await_that("they are exported", || {
        exported = page(&stack, "&format=json", &cookies).json();
        exported["decisions"].is_array()
    });
    assert_eq!(exported["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(exported["consent_id"], narrowed.json()["consentId"]);
    // Without a receipt nobody's rows are found, and with a forged token nothing is erased.
    assert_eq!(page(&stack, "&format=json", "").json()["decisions"], serde_json::json!([]));
    assert_eq!(press_erase(&stack, &cookies, "forged").status, 403);
    assert_eq!(stack.count("SELECT count() FROM consents"), 3);

    let erased = press_erase(&stack, &cookies, &token(&shown));
    assert_eq!(erased.status, 303, "{}", erased.text());
    assert!(erased.set_cookie("kruimel_id").unwrap().contains("Max-Age=0"));
    stack.await_count("SELECT count() FROM events", 1);
    // What is left: the other visitor's row, that two random ids are dead, and one refusal about nobody.
    stack.await_count("SELECT count() FROM consents WHERE action IN ('accept', 'save')", 1);
    let left = "SELECT count() FROM consents WHERE action NOT IN ('accept', 'save')";
    stack.await_count(left, if first.json()["consentId"] == exported["consent_id"] { 2 } else { 3 });
    let about = "SELECT count() FROM consents WHERE action = 'erase' AND (consent_id != 0 OR notEmpty(granted) \
                 OR language != '' OR toStartOfHour(ts) != ts)";
    assert_eq!(stack.count(about), 0);
    assert_eq!(try_batch(stack.public, &cookies, &batch(3, "/page")).unwrap().status, 403);
    stack.await_drained();
    let (code, told) = verified(&stack, &[]);
    assert_eq!((code, &told["erased"]), (Some(0), &2.into()), "{told}");
}

#[test]
fn l33_an_erasure_that_the_store_does_not_hear_of_reaches_every_consent_of_the_visitor_later() {
    let stack = Stack::start();
    let first = stack.decide("accept", &ALL, "");
    let narrowed = stack.decide("save", &["functional"], &first.cookies());
    assert_ne!(first.json()["consentId"], narrowed.json()["consentId"]);
    stack.await_count("SELECT count() FROM consents", 2);
    let cookies = narrowed.cookies();
    let shown = page(&stack, "", &cookies);
    // The store stands still; what comes now waits on disk, and nobody can ask which consents came before.
    let engine = stack.engine_process_id();
    signal(engine, "STOP");
    let erased = press_erase(&stack, &cookies, &token(&shown));
    signal(engine, "CONT");
    assert_eq!(erased.status, 303, "{}", erased.text());
    stack.await_count("SELECT count() FROM consents WHERE action IN ('accept', 'save')", 0);
    stack.await_count("SELECT uniqExact(withdraws) FROM consents WHERE action = 'erase'", 2);
    stack.await_drained();
    let (code, told) = verified(&stack, &[]);
    assert_eq!((code, &told["erased"]), (Some(0), &2.into()), "{told}");
}

#[test]
fn l34_an_event_without_a_receipt_that_grants_it_is_refused_and_counted_and_a_dead_one_clears_the_cookie() {
    let stack = Stack::start();
    let functional = stack.decide("save", &["functional"], "").cookies();
    let granted = stack.decide("accept", &ALL, "");
    let id = u64::from_str_radix(granted.json()["consentId"].as_str().unwrap(), 16).unwrap();
    let answers = [
        ("", "no_receipt"),
        (functional.as_str(), "not_granted"),
        (&granted.cookies().replace("analytics", "analytocs"), "forged_receipt"),
    ];
    for (number, (cookies, reason)) in (1..).zip(answers) {
        let answer = try_batch(stack.public, cookies, &batch(number, "/page")).unwrap();
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (403, Some(reason)));
        let metrics = send(stack.admin, "GET", "/metrics", &[], b"");
        assert!(metrics.text().contains(&format!("reason=\"{reason}\"")), "{}", metrics.text());
    }
    assert_eq!(try_batch(stack.public, &granted.cookies(), &batch(9, "/page")).unwrap().status, 202);
    stack.await_count("SELECT count() FROM events", 1);
    stack.await_count(
        &format!("SELECT count() FROM events WHERE consent_id = {id} AND site_id = '{SITE}'"),
        1,
    );

    // The receipt died some minutes ago, at a collector whose list this one has.
    let mut stack = stack;
    assert!(stack.stop().success());
    let minutes_ago = collector::now_ms() as u64 - 5 * 60_000;
    let list = Withdrawn::open(&stack.data().join("spool"), &[]).unwrap();
    list.kill(id, minutes_ago);
    list.save().unwrap();
    let stack = stack.kill_and_restart();
    let dead = try_batch(stack.public, &granted.cookies(), &batch(10, "/page")).unwrap();
    assert_eq!((dead.status, dead.json()["reason"].as_str()), (403, Some("withdrawn_receipt")));
    for name in ["kruimel", "kruimel_id", "kruimel_visit"] {
        assert!(dead.set_cookie(name).unwrap().contains("Max-Age=0"), "{name}");
    }
    stack.await_count("SELECT count() FROM events", 0);
}
