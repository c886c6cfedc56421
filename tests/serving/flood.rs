//! Floods: too much from one network, too slowly, too much at once. Everybody else is answered as ever.

use super::parts::{Open, batch_from, counted, start};
use crate::http::{Answer, send};
use crate::sender::{batch, try_batch};
use crate::stack::Stack;
use std::sync::atomic::{AtomicU64, Ordering};

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];
/// Batches that one network sends at once.
const FLOODING: u64 = 100;
const FLOODER: &str = "198.51.100.7";

fn decide_from(stack: &Stack, address: &str, action: &str, categories: &[&str], cookies: &str) -> Answer {
    let body = serde_json::json!({
        "v": 1, "site": "demo", "action": action, "categories": categories, "revision": 1,
        "text": "", "language": "en", "surface": "notice",
    });
    let headers = [
        ("origin", "http://localhost"),
        ("content-type", "text/plain"),
        ("cookie", cookies),
        ("x-forwarded-for", address),
    ];
    send(stack.public, "POST", "/kruimel/consent", &headers, body.to_string().as_bytes())
}

#[test]
fn a_flood_from_one_network_is_limited_and_ordinary_visitors_are_not() {
    let stack = start("rate = { batches_per_second = 2 }");
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let (taken, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for number in 0..FLOODING {
            let (stack, cookies, taken, refused) = (&stack, &cookies, &taken, &refused);
            scope.spawn(move || {
                // The forged part in front changes nothing.
                let forged = format!("203.0.113.{number}, 198.51.100.{number}");
                let answer = batch_from(stack.public, &forged, cookies, &batch(number, "/flood"));
                match answer.status {
                    202 => taken.fetch_add(1, Ordering::Relaxed),
                    429 => {
                        let header = |name: &str| answer.headers.iter().find(|(key, _)| key == name);
                        assert_eq!(header("retry-after").unwrap().1, "5");
                        assert_eq!(answer.json()["reason"], "too_many_requests");
                        refused.fetch_add(1, Ordering::Relaxed)
                    }
                    status => panic!("{status}: {}", answer.text()),
                }
            });
        }
        for number in 0..50 {
            let visitor = format!("192.0.{number}.1");
            let answer = batch_from(stack.public, &visitor, &cookies, &batch(1_000 + number, "/page"));
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
    });
    let (taken, refused) = (taken.into_inner(), refused.into_inner());
    assert!(taken >= 20 && refused > 0, "{taken} taken, {refused} refused");
    // What is more than a second's worth in one go waits.
    assert!(counted(&stack, "kruimel_requests_held_total{reason=\"rush\"}") > 0);
    // Each in exactly one counter.
    assert_eq!(counted(&stack, "kruimel_events_total{outcome=\"accepted\"}"), taken + 50);
    let limited = "kruimel_events_total{outcome=\"rejected\",reason=\"too_many_requests\"}";
    assert_eq!(counted(&stack, limited), refused);
    for secret in ["198.51.100", "203.0.113", "192.0."] {
        assert!(!stack.log().contains(secret), "the log holds {secret}");
    }
}

#[test]
fn grants_are_limited_and_whoever_refuses_or_takes_back_never_is() {
    let stack = start("rate = { grants_per_second = 1 }");
    let granted = decide_from(&stack, FLOODER, "accept", &ALL, "");
    assert_eq!(granted.status, 200, "{}", granted.text());
    let answers: Vec<u16> =
        (0..30).map(|_| decide_from(&stack, FLOODER, "accept", &ALL, "").status).collect();
    assert!(answers.contains(&429), "{answers:?}");
    for _ in 0..20 {
        assert_eq!(decide_from(&stack, FLOODER, "refuse", &[], "").status, 200);
    }
    let narrower = decide_from(&stack, FLOODER, "save", &["functional"], &granted.cookies());
    assert_eq!(narrower.status, 200, "it takes analytics back: {}", narrower.text());
    assert_eq!(decide_from(&stack, FLOODER, "withdraw", &[], &narrower.cookies()).status, 200);
    assert_eq!(decide_from(&stack, "192.0.2.1", "accept", &ALL, "").status, 200, "another network");
}

#[test]
fn a_flood_of_refusals_is_honoured_and_fills_no_ledger_and_withdrawals_are_always_kept() {
    let stack = start("rate = { grants_per_second = 1 }");
    let granted = decide_from(&stack, FLOODER, "accept", &ALL, "");
    for number in 0..300 {
        let answer = decide_from(&stack, FLOODER, "refuse", &[], "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.set_cookie("kruimel").is_some(), "the browser keeps it");
        // From everywhere at once, too.
        let network = format!("192.0.{}.1", number % 256);
        assert_eq!(decide_from(&stack, &network, "refuse", &[], "").status, 200);
    }
    assert_eq!(decide_from(&stack, FLOODER, "withdraw", &[], &granted.cookies()).status, 200);
    stack.await_drained();
    let kept = stack.count("SELECT count() FROM consents WHERE action = 'refuse'");
    assert_eq!(stack.count("SELECT count() FROM consents WHERE withdraws != 0"), 1);
    assert!((20..600).contains(&kept), "{kept} of 600 are kept");
    // Each in exactly one counter.
    assert_eq!(counted(&stack, "kruimel_decisions_total{action=\"refuse\"}"), kept);
    assert_eq!(counted(&stack, "kruimel_decisions_total{action=\"refuse_not_kept\"}"), 600 - kept);
    // Ten a second of all sites' visitors, and one of this network's: it goes on by itself.
    stack.await_that("a refusal of another network is kept again", || {
        decide_from(&stack, "203.0.113.1", "refuse", &[], "");
        counted(&stack, "kruimel_decisions_total{action=\"refuse\"}") > kept
    });
}

#[test]
fn slow_bodies_are_cut_off_and_hold_nobodys_place() {
    let stack = start("requests_max = 16\nbody_seconds = 3");
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let slow = || {
        let mut one = Open::to(stack.public);
        one.write(
            b"POST /kruimel/events HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\n\
              content-type: text/plain\r\nx-forwarded-for: 198.51.100.7\r\ncontent-length: 400\r\n\r\n{",
        )
        .unwrap();
        one
    };
    // One network's bodies are waited for in half of the places; then one more is told at once.
    let mut waiting: Vec<Open> = (0..8).map(|_| slow()).collect();
    let full = "kruimel_events_total{outcome=\"rejected\",reason=\"overloaded\"}";
    let mut more = Vec::new();
    stack.await_that("bodies that are waited for have a limit", || {
        more.push(slow());
        counted(&stack, full) > 0
    });
    for number in 0..20 {
        assert_eq!(try_batch(stack.public, &cookies, &batch(number, "/page")).unwrap().status, 202);
    }
    waiting.append(&mut more);
    let heads: Vec<String> = waiting.iter_mut().map(Open::read_head).collect();
    let cut_off = heads.iter().filter(|head| head.starts_with("HTTP/1.1 408")).count() as u64;
    assert!(cut_off >= 8 && heads.iter().any(|head| head.starts_with("HTTP/1.1 503")), "{heads:?}");
    assert_eq!(counted(&stack, "kruimel_events_total{outcome=\"rejected\",reason=\"slow_body\"}"), cut_off);
}

#[test]
fn every_answer_has_an_id_of_its_own_and_says_what_it_may_do() {
    let stack = start("");
    let ask = |path: &str| {
        let answer = send(stack.public, "GET", path, &[("x-request-id", "mine")], b"");
        let header = |name: &str| {
            let found = answer.headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert!(header("content-security-policy").ends_with("frame-ancestors 'none'"), "{path}");
        assert!(!header("referrer-policy").is_empty() && !header("cache-control").is_empty(), "{path}");
        header("x-request-id")
    };
    let paths = ["/kruimel/demo.js", "/kruimel/privacy", "/kruimel/cookies", "/kruimel/a/none.js"];
    let mut ids: Vec<String> = paths.iter().chain(&paths).map(|path| ask(path)).collect();
    assert!(
        ids.iter().all(|id| id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_hexdigit())),
        "{ids:?}"
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}
