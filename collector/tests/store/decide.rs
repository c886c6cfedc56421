//! What a decision leaves in the ledger when it is told twice, and what a hand-made form cannot have.

use crate::listening::{Listening, kept};
use crate::stand::{Running, Stand, cut_off, now_ms, tests, until};
use kruimel_collector::config::OnWithdrawal;
use kruimel_collector::keys_path;
use kruimel_collector::ledger::{Ledger, LedgerRow};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::Path;
use wire::HexId;

tests![
    a_decision_that_is_told_twice_is_one_row_and_has_one_answer,
    what_follows_an_answer_that_did_not_arrive_ends_what_it_granted,
    a_site_that_keeps_what_it_measured_takes_no_erasure_from_a_form,
    an_erasure_reaches_however_many_consents_one_behind_the_other,
    an_erasure_reaches_both_receipts_of_a_browser_and_one_that_is_dead_already,
    what_a_decision_ended_beside_is_erased_with_it,
    an_erasure_reaches_what_rows_in_quarantine_replaced,
    an_erasure_reaches_what_rows_that_wait_replaced,
    an_erasure_follows_rows_that_wait_however_many_they_are_while_the_store_is_away,
    who_granted_on_an_earlier_revision_sees_and_erases_as_anybody,
    a_withdrawal_is_kept_as_long_as_the_receipt_that_it_ends_could_live,
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

/// Presses the button that erases on the page that these cookies get.
async fn press_erase(server: &Listening, cookies: &str) -> String {
    let page = server.send("GET", "/kruimel/privacy?lang=en", "text/html", cookies, "").await;
    send_erase(server, cookies, &token(&page)).await
}

fn token(page: &str) -> String {
    page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The visitor's own decisions as JSON, asked for until the store answers in the time that a page gives it.
async fn shown(server: &Listening, cookies: &str) -> Value {
    let shown = RefCell::new(Value::Null);
    until(async || {
        let answer = server.send("GET", "/kruimel/privacy?lang=en&format=json", "", cookies, "").await;
        shown.replace(serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap());
        shown.borrow()["decisions"].is_array()
    })
    .await;
    shown.into_inner()
}

async fn send_erase(server: &Listening, cookies: &str, token: &str) -> String {
    let form = format!("token={token}&revision=1&action=erase");
    let kind = "application/x-www-form-urlencoded";
    server.send("POST", "/kruimel/privacy?lang=en", kind, cookies, &form).await
}

/// Waits until nothing is left of what anybody granted or took back, but that it is erased.
async fn await_erased(stand: &Stand, consents: u64) {
    let left = "SELECT count() FROM consents WHERE consent_id != 0 OR (withdraws != 0 AND action != 'erase')";
    until(async || stand.number(left).await == 0).await;
    let erased = "SELECT uniqExact(withdraws) FROM consents WHERE action = 'erase'";
    until(async || stand.number(erased).await == consents).await;
}

async fn an_erasure_reaches_however_many_consents_one_behind_the_other(stand: Stand) {
    // Twice as many are more than are followed at once.
    const PAIRS: u64 = 34;
    let folder = tempfile::tempdir().unwrap();
    let server = Listening::begin(&stand, folder.path()).await;
    let mut cookies = String::new();
    for _ in 0..PAIRS {
        cookies = server.decide("accept", &ALL, &cookies).await;
        cookies = server.decide("save", &["functional"], &cookies).await;
    }
    let other = server.decide("accept", &ALL, "").await;
    assert_eq!(rows(&stand, &server).await, 2 * PAIRS + 1);
    assert_eq!(shown(&server, &cookies).await["decisions"].as_array().unwrap().len() as u64, 2 * PAIRS);
    assert!(press_erase(&server, &cookies).await.starts_with("HTTP/1.1 303 "));
    let left = "SELECT count() FROM consents WHERE consent_id != 0";
    until(async || stand.number(left).await == 1).await;
    assert!(server.batch(1, &other).await.starts_with("HTTP/1.1 202 "));
    server.collector.spool.settled().await;
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.erased), (&[][..], 2 * PAIRS));
    server.end().await;
}

async fn an_erasure_reaches_both_receipts_of_a_browser_and_one_that_is_dead_already(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let server = Listening::begin(&stand, folder.path()).await;
    // One receipt for the host and one for its domain.
    let (one, two) = (server.decide("accept", &ALL, "").await, server.decide("accept", &ALL, "").await);
    let both = format!("kruimel={}; kruimel={}", consent(&one), consent(&two));
    assert_eq!(rows(&stand, &server).await, 2);
    assert!(press_erase(&server, &both).await.starts_with("HTTP/1.1 303 "));
    await_erased(&stand, 2).await;

    // The answer was that it could not be kept, after the first of the two was; the form is sent again.
    let (one, two) = (server.decide("accept", &ALL, "").await, server.decide("accept", &ALL, "").await);
    let both = format!("kruimel={}; kruimel={}", consent(&one), consent(&two));
    assert_eq!(rows(&stand, &server).await, 5, "and a refusal of nobody");
    let page = server.send("GET", "/kruimel/privacy?lang=en", "text/html", &both, "").await;
    let shown = page.split("<code>").last().unwrap().split('<').next().unwrap().replace(' ', "");
    let newest = u64::from_str_radix(&shown, 16).unwrap();
    server.collector.withdrawn.kill(newest, kruimel_collector::now_ms() as u64);
    assert!(send_erase(&server, &both, &token(&page)).await.starts_with("HTTP/1.1 303 "));
    await_erased(&stand, 4).await;
    server.end().await;
}

async fn what_a_decision_ended_beside_is_erased_with_it(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let server = Listening::begin(&stand, folder.path()).await;
    let (one, two) = (server.decide("accept", &ALL, "").await, server.decide("accept", &ALL, "").await);
    let both = format!("kruimel={}; kruimel={}", consent(&one), consent(&two));
    let narrowed = server.decide("save", &["functional"], &both).await;
    assert_eq!(rows(&stand, &server).await, 4);
    assert_eq!(shown(&server, &narrowed).await["decisions"].as_array().unwrap().len(), 4);
    assert!(press_erase(&server, &narrowed).await.starts_with("HTTP/1.1 303 "));
    await_erased(&stand, 3).await;
    server.end().await;
}

/// A collector whose store holds a grant of the consent 1.
async fn with_a_grant(stand: &Stand, folder: &Path) -> (Running, Ledger) {
    let (mut running, ledger) = stand.decide_in(folder);
    ledger.append(crate::ledger::grant(1)).await.unwrap();
    running.drain(&[]);
    running.spool.settled().await;
    (running, ledger)
}

/// The decision that replaces the consent 1 with the consent 2.
fn narrower() -> LedgerRow {
    let (site, request) = (crate::ledger::site(), crate::ledger::request());
    LedgerRow::grant(&site, &request, HexId(2), Some(HexId(1)), now_ms(), false)
}

/// Starts again where the consent 2 was erased, until nothing is left of it and of the one that it replaced.
async fn erases_both(stand: &Stand, folder: &Path) {
    assert_eq!(stand.number("SELECT count() FROM consents WHERE consent_id = 1").await, 1);
    let (mut running, _ledger) = stand.decide_in(folder);
    running.drain(&[]);
    // What the upkeep wishes is in the segment that is open.
    until(async || {
        running.spool.seal().await;
        stand.number("SELECT count() FROM consents WHERE consent_id IN (1, 2)").await == 0
    })
    .await;
    await_erased(stand, 2).await;
    running.end().await;
    assert_eq!(stand.store.verify_ledger(None, &[]).await.unwrap().findings, []);
}

async fn an_erasure_reaches_what_rows_in_quarantine_replaced(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let (running, ledger) = with_a_grant(&stand, folder.path()).await;
    // The row that says which consent the second one replaced is in quarantine when the second is erased: a decision beside
    // it that is none keeps all of the segment's from the store.
    ledger.append(narrower()).await.unwrap();
    running.append(cut_off()).await;
    running.spool.settled().await;
    assert_eq!(stand.number("SELECT count() FROM consents WHERE consent_id = 2").await, 0);
    ledger.append(LedgerRow::erasure("demo", HexId(2), now_ms())).await.unwrap();
    running.spool.settled().await;
    running.end().await;
    drop(ledger);
    erases_both(&stand, folder.path()).await;
}

async fn an_erasure_reaches_what_rows_that_wait_replaced(mut stand: Stand) {
    stand.store = stand.store.with_waiting_age(std::time::Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let (running, ledger) = with_a_grant(&stand, folder.path()).await;
    running.end().await;
    drop(ledger);
    // The row that says which consent the second one replaced waits on disk, and so does the wish to erase the second.
    let (running, ledger) = stand.decide_in(folder.path());
    ledger.append(narrower()).await.unwrap();
    ledger.append(LedgerRow::erasure("demo", HexId(2), now_ms())).await.unwrap();
    running.withdrawn.save().unwrap();
    running.end().await;
    drop(ledger);
    erases_both(&stand, folder.path()).await;
}

async fn an_erasure_follows_rows_that_wait_however_many_they_are_while_the_store_is_away(_: Stand) {
    const CONSENTS: u64 = 100;
    let nowhere = clickhouse::Client::default().with_url("http://127.0.0.1:1");
    let mut stand = Stand::new(nowhere);
    stand.store = stand.store.with_waiting_age(std::time::Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let (mut running, ledger) = stand.decide_in(folder.path());
    let (site, request) = (crate::ledger::site(), crate::ledger::request());
    for id in 1..=CONSENTS {
        let former = Some(HexId(id - 1)).filter(|former| former.0 != 0);
        let row = LedgerRow::grant(&site, &request, HexId(id), former, now_ms(), false);
        ledger.append(row).await.unwrap();
    }
    ledger.append(LedgerRow::erasure("demo", HexId(CONSENTS), now_ms())).await.unwrap();
    running.drain(&[]);
    until(async || {
        tokio::task::yield_now().await;
        running.withdrawn.erased().len() == CONSENTS as usize
    })
    .await;
    running.kill().await;
}

async fn who_granted_on_an_earlier_revision_sees_and_erases_as_anybody(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let server = Listening::begin(&stand, folder.path()).await;
    let cookies = server.decide("accept", &ALL, "").await;
    assert!(server.batch(1, &cookies).await.starts_with("HTTP/1.1 202 "));
    assert_eq!(rows(&stand, &server).await, 1);
    server.end().await;

    let later = tempfile::tempdir().unwrap();
    std::fs::copy(keys_path(folder.path()), keys_path(later.path())).unwrap();
    let server = Listening::begin_with(&stand, later.path(), |config| config.sites[0].revision = 2).await;
    let page = async || server.send("GET", "/kruimel/privacy?lang=en", "text/html", &cookies, "").await;
    until(async || page().await.contains("<b>Version 1, ")).await;
    let shown = shown(&server, &cookies).await;
    assert_eq!(shown["decisions"].as_array().unwrap().len(), 1, "{shown}");
    assert!(shown["consent_id"].is_string() && shown["visitor_id"].is_string(), "{shown}");
    assert!(press_erase(&server, &cookies).await.starts_with("HTTP/1.1 303 "));
    await_erased(&stand, 1).await;
    until(async || stand.number("SELECT count() FROM events").await == 0).await;
    server.end().await;
}

async fn a_withdrawal_is_kept_as_long_as_the_receipt_that_it_ends_could_live(stand: Stand) {
    let folder = tempfile::tempdir().unwrap();
    let granted = Listening::begin_with(&stand, folder.path(), |config| {
        config.sites[0].choice_days = 395;
    })
    .await;
    let [one, two, three] = [(); 3].map(|()| granted.decide("accept", &ALL, ""));
    let (one, two, three) = tokio::join!(one, two, three);
    assert_eq!(rows(&stand, &granted).await, 3);
    granted.end().await;

    // The site has shortened both since.
    let later = tempfile::tempdir().unwrap();
    std::fs::copy(keys_path(folder.path()), keys_path(later.path())).unwrap();
    let server = Listening::begin_with(&stand, later.path(), |config| {
        config.sites[0].choice_days = 150;
        config.sites[0].ledger_months = 6;
    })
    .await;
    server.decide("withdraw", &[], &one).await;
    let both = format!("kruimel={}; kruimel={}", consent(&two), consent(&three));
    server.decide("save", &["functional"], &both).await;
    assert_eq!(rows(&stand, &server).await, 6);
    let kept = "SELECT count() FROM consents WHERE withdraws != 0 AND expires >= toDate(ts, 'UTC') + 395";
    assert_eq!(stand.number(kept).await, 3);
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!(whole.findings, []);
    server.end().await;
}
