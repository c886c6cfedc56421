//! Another config while it runs: put in force whole or not at all, without a lost event or a dropped connection.

use super::parts::{Open, config};
use crate::http::send;
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, signal};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];
const SHOP: &str = "[[site]]\nid = \"shop\"\nname = \"Shop\"\nhosts = [\"shop.example\"]\ncontroller = \"City of Kaaidam\"\n\
                    contact = \"Grote Kaai 1\"\ntime_zone = \"Europe/Brussels\"";
const SERVICE: &str = "[[site.service]]\nid = \"films\"\ncategory = \"functional\"\nname = \"Films\"\nprovider = \"Films\"\n\
                       purpose = \"Shows films\"";

fn reload(stack: &Stack, config: &str, logged: &str) {
    let before = stack.log().matches(logged).count();
    fs::write(stack.data().parent().unwrap().join("kruimel.toml"), config).unwrap();
    signal(stack.process_id(), "HUP");
    stack.await_that(logged, || stack.log().matches(logged).count() > before);
}

fn get(stack: &Stack, path: &str) -> (u16, String) {
    let answer = send(stack.public, "GET", path, &[], b"");
    (answer.status, answer.text().to_owned())
}

#[test]
fn a_site_is_added_while_a_sender_goes_on_and_nothing_is_lost() {
    let stack = Stack::start_with_config(&config("", ""));
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let mut open = Open::to(stack.public);
    assert!(open.ask().starts_with("HTTP/1.1 200"));
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let number = sent.load(Ordering::Relaxed);
                let answer = try_batch(stack.public, &cookies, &batch(number, "/load"));
                assert_eq!(answer.unwrap().status, 202);
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        let sending = || {
            let before = sent.load(Ordering::Relaxed);
            stack.await_that("the sender goes on", || sent.load(Ordering::Relaxed) > before + 10);
        };
        sending();
        assert_eq!(get(&stack, "/kruimel/shop.js").0, 404);
        reload(&stack, &config("", SHOP), "is in force");
        assert_eq!(get(&stack, "/kruimel/shop.js").0, 200);
        let menu = send(stack.admin, "GET", "/", &[], b"");
        assert!(menu.text().contains("Shop"), "the dashboards know it");
        sending();
        // A broken one changes nothing, and neither does one that needs a restart.
        reload(&stack, &config("publik = 1", SHOP), "There is no such key");
        reload(&stack, &config("connections_max = 99", ""), "listen.connections_max cannot change");
        assert_eq!(get(&stack, "/kruimel/shop.js").0, 200);
        sending();
        // And taken away again.
        reload(&stack, &config("", ""), "is in force");
        assert_eq!(get(&stack, "/kruimel/shop.js").0, 404);
        sending();
        stop.store(true, Ordering::Relaxed);
    });
    assert!(open.ask().starts_with("HTTP/1.1 200"), "its connection was kept");
    stack.await_drained();
    let stored = stack.count("SELECT uniqExact(view_id) FROM events WHERE path = '/load'");
    assert_eq!(stored, sent.load(Ordering::Relaxed));
}

#[test]
fn a_service_that_is_added_asks_every_visitor_again_from_then_on() {
    let stack = Stack::start_with_config(&config("", ""));
    let cookies = stack.decide("accept", &ALL, "").cookies();
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/page")).unwrap().status, 202);
    reload(&stack, &config("", SERVICE), "is in force");
    assert!(stack.log().contains("every visitor is asked again"));
    assert!(get(&stack, "/kruimel/demo.js").1.contains("\"revision\":2"));
    assert!(get(&stack, "/kruimel/cookies").1.contains("Films"));
    let outdated = try_batch(stack.public, &cookies, &batch(2, "/page")).unwrap();
    assert_eq!((outdated.status, outdated.json()["reason"].as_str()), (403, Some("outdated_receipt")));
}
