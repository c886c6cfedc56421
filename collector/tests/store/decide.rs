//! What a decision leaves in the ledger when it is told twice, and what a hand-made form cannot have.

use crate::listening::{Listening, kept};
use crate::stand::{Stand, tests};
use kruimel_collector::config::OnWithdrawal;
use serde_json::{Value, json};

tests![
    a_decision_that_is_told_twice_is_one_row_and_has_one_answer,
    what_follows_an_answer_that_did_not_arrive_ends_what_it_granted,
    a_site_that_keeps_what_it_measured_takes_no_erasure_from_a_form,
];

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

/// A decision as the loader tells it again: the consent cookie that it replaced is sent along.
fn told(action: &str, categories: &[&str], earlier: Option<&str>) -> String {
    let mut body = json!({
        "v": 1, "site": "demo", "action": action, "categories": categories, "revision": 1, "text": "",
        "language": "en", "surface": "notice",
    });
    if let Some(earlier) = earlier {
        body["earlier"] = Value::from(earlier);
    }
    body.to_string()
}

/// The consent cookie's value, percent-encoded as it stands.
fn consent(cookies: &str) -> &str {
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix("kruimel=")).unwrap()
}

fn id(answer: &str) -> String {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    body["consentId"].as_str().unwrap_or_default().to_owned()
}

/// How many rows there are once everything is drained.
async fn rows(stand: &Stand, server: &Listening) -> u64 {
    server.collector.spool.settled().await;
    stand.number("SELECT count() FROM consents").await
}

async fn a_decision_that_is_told_twice_is_one_row_and_has_one_answer(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let server = Listening::begin(&stand, folder.path()).await;
    let consent_path = "/kruimel/consent";

    // Narrower: the earlier consent ends, and the page is left before the answer. Both are under way at once.
    let first = server.decide("accept", &ALL, "").await;
    let narrower = ["functional", "analytics"];
    let (plain, again) = (told("save", &narrower, None), told("save", &narrower, Some(consent(&first))));
    let (answer, repeated) =
        tokio::join!(server.post(consent_path, &first, &plain), server.post(consent_path, "", &again));
    assert_eq!(id(&answer), id(&repeated));
    assert_ne!(id(&answer), "");
    assert_eq!(rows(&stand, &server).await, 2);
    // The cookies of the answer arrived, and the page does not know.
    let arrived = kept(&answer);
    let third = server.post(consent_path, &arrived, &again).await;
    assert_eq!((id(&third), rows(&stand, &server).await), (id(&answer), 2));

    // Wider: the consent goes on. A press after the answer is an act of its own.
    let wider = told("accept", &ALL, None);
    let [one, two] = [
        server.post(consent_path, &arrived, &wider).await,
        server.post(consent_path, &arrived, &wider).await,
    ];
    assert_eq!((id(&one), id(&two), rows(&stand, &server).await), (id(&answer), id(&answer), 3));
    server.post(consent_path, &kept(&two), &wider).await;
    assert_eq!(rows(&stand, &server).await, 4);
    // Another decision with the same receipt is none of these.
    let other = server.post(consent_path, &kept(&two), &told("save", &["functional"], None)).await;
    assert_ne!(id(&other), id(&answer));
    assert_eq!(rows(&stand, &server).await, 5);
    server.end().await;
}

async fn what_follows_an_answer_that_did_not_arrive_ends_what_it_granted(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let server = Listening::begin(&stand, folder.path()).await;
    let first = server.decide("accept", &ALL, "").await;
    let unheard = server.post("/kruimel/consent", &first, &told("save", &["analytics"], None)).await;
    let lost = u64::from_str_radix(&id(&unheard), 16).unwrap();
    assert!(!server.collector.withdrawn.is_dead(lost));
    // The visitor refuses after all; the browser knows of the first consent alone.
    let refused = server.post("/kruimel/consent", "", &told("refuse", &[], Some(consent(&first)))).await;
    assert!(refused.starts_with("HTTP/1.1 200 "), "{refused}");
    assert!(server.collector.withdrawn.is_dead(lost));
    assert_eq!(rows(&stand, &server).await, 3);
    server.end().await;
}

async fn a_site_that_keeps_what_it_measured_takes_no_erasure_from_a_form(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let server = Listening::begin_with(&stand, folder.path(), |config| {
        let justification = config.sites[0].services[0].name.clone();
        config.sites[0].on_withdrawal = OnWithdrawal::Keep { justification };
    })
    .await;
    let cookies = server.decide("accept", &ALL, "").await;
    let taken = server.batch(1, &cookies).await;
    assert!(taken.starts_with("HTTP/1.1 202 "), "{taken}");
    assert_eq!(rows(&stand, &server).await, 1);
    assert_eq!(stand.number("SELECT count() FROM events").await, 1);

    let page = server.send("GET", "/kruimel/privacy?lang=en", "text/html", &cookies, "").await;
    assert!(!page.contains("value=\"erase\""), "the page offers none");
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("token={token}&revision=1&action=erase");
    let kind = "application/x-www-form-urlencoded";
    let answer = server.send("POST", "/kruimel/privacy?lang=en", kind, &cookies, &form).await;
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");

    // A withdrawal: the receipt is dead, the ledger says so, and what is declared to be kept is kept.
    assert_eq!(rows(&stand, &server).await, 2);
    assert_eq!(stand.number("SELECT countIf(action = 'withdraw') FROM consents").await, 1);
    assert_eq!(stand.number("SELECT countIf(action = 'accept') FROM consents").await, 1);
    let dead = server.batch(2, &cookies).await;
    assert!(dead.starts_with("HTTP/1.1 403 "), "{dead}");
    assert_eq!(stand.number("SELECT count() FROM events").await, 1);
    server.end().await;
}
