//! Decisions over HTTP: what is answered, what the browser keeps, what the ledger holds, what withdrawing does.

use crate::sender::{batch, try_batch};
use crate::stack::Stack;

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

#[test]
fn a_refusal_leaves_a_cookie_without_id_and_a_row_about_nobody() {
    let stack = Stack::start();
    let answer = stack.decide("refuse", &[], "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer.json();
    let mut keys: Vec<&String> = cookie.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["categories", "day", "revision", "services"]);
    assert!(answer.set_cookie("kruimel").unwrap().contains(&format!("Max-Age={}", 182 * 86_400)));
    assert!(answer.set_cookie("kruimel_id").unwrap().contains("Max-Age=0"));

    stack.await_count("SELECT count() FROM consents", 1);
    let row = stack
        .texts("SELECT formatRow('JSONEachRow', * EXCEPT (segment_id, expires, chain, chain_seq, salt)) FROM consents")
        .remove(0);
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    assert!(row["ts"].as_str().unwrap().ends_with(":00:00"), "{row}");
    let filled: Vec<&String> = row
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !matches!(value.to_string().as_str(), "0" | "\"0\"" | "\"\"" | "[]"))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(filled, ["action", "revision", "site_id", "text_hash", "ts"]);
}

#[test]
fn a_grant_is_a_signed_receipt_and_a_later_grant_keeps_its_id() {
    let stack = Stack::start();
    let first = stack.decide("accept", &ALL, "");
    let receipt = first.json();
    assert_eq!(
        receipt["categories"],
        serde_json::json!(["necessary", "functional", "analytics", "advertising"])
    );
    assert_eq!(receipt["sig"].as_str().unwrap().len(), 43);
    let visitor = first.set_cookie("kruimel_id").unwrap();
    assert!(visitor.contains("HttpOnly") && visitor.contains("SameSite=Lax"), "{visitor}");
    assert!(!first.set_cookie("kruimel").unwrap().contains("HttpOnly"));

    let again = stack.decide("accept", &ALL, &first.cookies());
    assert_eq!(again.json()["consentId"], receipt["consentId"]);
    assert!(again.set_cookie("kruimel_id").is_none(), "the visitor keeps the id");
    stack.await_count("SELECT count() FROM consents WHERE action = 'accept' AND consent_id != 0", 2);
}

#[test]
fn withdrawing_kills_the_receipt_and_erases_the_rows_of_that_visitor_alone() {
    let stack = Stack::start();
    let leaving = stack.decide("accept", &ALL, "").cookies();
    let staying = stack.decide("accept", &ALL, "").cookies();
    for (number, cookies) in [(1, &leaving), (2, &staying)] {
        assert_eq!(try_batch(stack.public, cookies, &batch(number, "/page")).unwrap().status, 202);
    }
    stack.await_count("SELECT count() FROM events", 2);

    let withdrawn = stack.decide("withdraw", &[], &leaving);
    assert_eq!(withdrawn.json()["categories"], serde_json::json!(["necessary"]));
    assert!(withdrawn.set_cookie("kruimel_id").unwrap().contains("Max-Age=0"));
    assert!(withdrawn.set_cookie("kruimel_visit").unwrap().contains("Max-Age=0"));

    let refused = try_batch(stack.public, &leaving, &batch(3, "/page")).unwrap();
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (403, Some("withdrawn_receipt")));
    stack.await_count("SELECT count() FROM events", 1);
    stack.await_count("SELECT count() FROM consents WHERE action = 'accept'", 2);
    stack.await_count("SELECT count() FROM consents WHERE action = 'withdraw' AND withdraws != 0", 1);

    let stack = stack.kill_and_restart();
    assert_eq!(try_batch(stack.public, &leaving, &batch(4, "/page")).unwrap().status, 403);
    assert_eq!(try_batch(stack.public, &staying, &batch(5, "/page")).unwrap().status, 202);
}

#[test]
fn taking_back_analytics_alone_ends_the_earlier_consent_too() {
    let stack = Stack::start();
    let wide = stack.decide("accept", &ALL, "");
    assert_eq!(try_batch(stack.public, &wide.cookies(), &batch(1, "/page")).unwrap().status, 202);
    let narrow = stack.decide("save", &["functional"], &wide.cookies());
    assert_ne!(narrow.json()["consentId"], wide.json()["consentId"]);
    assert_eq!(try_batch(stack.public, &wide.cookies(), &batch(2, "/page")).unwrap().status, 403);
    let refused = try_batch(stack.public, &narrow.cookies(), &batch(3, "/page")).unwrap();
    assert_eq!(refused.json()["reason"], "not_granted");
    stack.await_drained();
    stack.await_count("SELECT count() FROM events", 0);
}

#[test]
fn every_stored_row_stands_behind_a_grant() {
    let stack = Stack::start();
    let cookies = stack.decide("save", &["analytics"], "").cookies();
    for number in 1..=5 {
        assert_eq!(try_batch(stack.public, &cookies, &batch(number, "/page")).unwrap().status, 202);
    }
    stack.await_count("SELECT count() FROM events", 5);
    let unconsented = "SELECT count() FROM events WHERE consent_id NOT IN \
        (SELECT consent_id FROM consents WHERE has(granted, 'analytics'))";
    assert_eq!(stack.count(unconsented), 0);
    assert_eq!(stack.texts("SELECT DISTINCT toString(ip_truncated) FROM events"), ["::ffff:127.0.0.0"]);
}

#[test]
fn the_key_is_made_once_for_its_owner_alone_and_an_older_one_verifies_after_rotation() {
    use std::os::unix::fs::PermissionsExt;
    let stack = Stack::start();
    let keys = stack.data().join("keys");
    assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    let cookies = stack.decide("accept", &ALL, "").cookies();
    collector::keys::rotate_file(&keys, None).unwrap();
    let stack = stack.kill_and_restart();
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/page")).unwrap().status, 202);
    let fresh = stack.decide("accept", &ALL, &cookies).cookies();
    let key =
        |cookies: &str| cookies.split("%22key%22:%22").nth(1).map(|rest| rest[..16].to_owned()).unwrap();
    assert_ne!(key(&fresh), key(&cookies));
}

#[test]
fn a_withdrawal_that_could_not_be_sent_at_once_still_kills_its_receipt() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/page")).unwrap().status, 202);
    let receipt = cookies.split("; ").find_map(|pair| pair.strip_prefix("kruimel=")).unwrap();
    // The page has put its own note of the refusal in the cookie's place; the receipt comes along in the body.
    let late = format!(
        r#"{{"v":1,"site":"demo","action":"refuse","categories":[],"revision":1,"text":"","language":"en","surface":"notice","earlier":"{receipt}"}}"#
    );
    assert_eq!(stack.post("/kruimel/consent", late.as_bytes(), "").status, 200);
    assert_eq!(try_batch(stack.public, &cookies, &batch(2, "/page")).unwrap().status, 403);
    stack.await_drained();
    stack.await_count("SELECT count() FROM events", 0);
}

#[test]
fn a_reset_gives_a_new_visitor_under_the_same_consent_and_decides_nothing() {
    let stack = Stack::start();
    let first = stack.decide("accept", &ALL, "");
    let reset = br#"{"v":1,"site":"demo","action":"save","categories":["analytics"],"revision":1,"text":"","language":"en","surface":"api","reset":true}"#;
    let answer = stack.post("/kruimel/consent", reset, &first.cookies());
    assert_eq!(answer.json(), first.json());
    assert!(answer.set_cookie("kruimel").is_none(), "the choice and its end stay as they are");
    assert_ne!(answer.set_cookie("kruimel_id"), first.set_cookie("kruimel_id"));
    assert_eq!(stack.post("/kruimel/consent", reset, "").status, 403);
    let functional = stack.decide("save", &["functional"], "").cookies();
    let nothing = stack.post("/kruimel/consent", reset, &functional);
    assert_eq!(nothing.status, 200, "there is no visitor id to change");
    assert!(nothing.set_cookie("kruimel_id").unwrap().contains("Max-Age=0"));
    stack.await_count("SELECT count() FROM consents", 2);
}

#[test]
fn a_first_batch_that_is_sent_again_brings_the_visitor_that_was_stored() {
    let stack = Stack::start();
    let granted = stack.decide("accept", &ALL, "").cookies();
    let receipt = granted.split("; ").find(|pair| pair.starts_with("kruimel=")).unwrap();
    let visitor_of = |number| {
        let answer = try_batch(stack.public, receipt, &batch(number, "/page")).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.set_cookie("kruimel_id").unwrap()["kruimel_id=".len()..][..16].to_owned()
    };
    let first = visitor_of(1);
    assert_eq!(visitor_of(1), first, "the answer to the first time was lost");
    assert_ne!(visitor_of(2), first);
    stack.await_count("SELECT count() FROM events", 2);
    let first = u64::from_str_radix(&first, 16).unwrap();
    let stored = format!("SELECT count() FROM events WHERE visitor_id = {first}");
    assert_eq!(stack.count(&stored), 1);
}

#[test]
fn the_ledger_keeps_nothing_that_a_browser_makes_up() {
    let stack = Stack::start();
    let told = r#"{"v":1,"site":"demo","action":"ACTION","categories":[],"services":{"analytics":["jan.peeters"]},"revision":REVISION,
        "text":"jan.peeters@example.org","language":"jan.peeters","surface":"notice"}"#;
    let refusal = told.replace("ACTION", "refuse").replace("REVISION", "4294967295");
    assert_eq!(stack.post("/kruimel/consent", refusal.as_bytes(), "").status, 200);
    let grant = told
        .replace("ACTION", "save")
        .replace("REVISION", "1")
        .replace("\"categories\":[]", "\"categories\":[\"analytics\"]");
    let refused = stack.post("/kruimel/consent", grant.as_bytes(), "");
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (422, Some("unknown_service")));
    let grant = grant.replace("{\"analytics\":[\"jan.peeters\"]}", "{}");
    let answer = stack.post("/kruimel/consent", grant.as_bytes(), "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.text().contains("peeters"), "{}", answer.text());
    stack.await_count("SELECT count() FROM consents", 2);
    for row in stack.texts("SELECT formatRow('JSONEachRow', *) FROM consents") {
        assert!(!row.contains("peeters") && !row.contains("4294967295"), "{row}");
    }
}

#[test]
fn a_visitor_whose_receipt_is_gone_begins_as_another_so_that_withdrawing_erases_all() {
    let stack = Stack::start();
    let first = stack.decide("accept", &ALL, "");
    let id_alone =
        first.cookies().split("; ").find(|pair| pair.starts_with("kruimel_id=")).unwrap().to_owned();
    let second = stack.decide("accept", &ALL, &id_alone);
    assert_ne!(second.json()["consentId"], first.json()["consentId"]);
    assert!(second.set_cookie("kruimel_id").is_some(), "a new consent begins with a new visitor");
}

#[test]
fn a_late_batch_of_a_consent_just_withdrawn_does_not_take_the_newer_choice_away() {
    let stack = Stack::start();
    let wide = stack.decide("accept", &ALL, "").cookies();
    assert_eq!(stack.decide("save", &["functional"], &wide).status, 200);
    let late = try_batch(stack.public, &wide, &batch(1, "/page")).unwrap();
    assert_eq!(late.status, 403);
    assert!(late.set_cookie("kruimel").is_none(), "the newer choice stands in that cookie by now");
}
