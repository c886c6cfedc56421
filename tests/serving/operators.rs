//! What balancers and monitoring on other machines can ask, and what they cannot.

use super::parts::{config, start};
use crate::http::{Answer, send};
use crate::stack::{Stack, signal};
use std::net::{Ipv4Addr, SocketAddr};

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

/// An address of this machine that no other test has.
fn own_address() -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    (Ipv4Addr::new(127, 1, high, low), 7702).into()
}

#[test]
fn health_and_metrics_have_a_listener_of_their_own_with_nothing_else() {
    let health = own_address();
    let stack = Stack::start_with_config(&config(&format!("health = \"{health}\""), ""));
    let ask = |path: &str| -> Answer { send(health, "GET", path, &[], b"") };
    assert_eq!(ask("/healthz").status, 200);
    let ready = ask("/readyz");
    assert!(ready.status == 200 && ready.text().contains("spool: ok"), "{}", ready.text());
    assert!(ask("/metrics").text().contains("\nkruimel_spool_segments "));
    for path in ["/", "/details", "/api/v1/overview", "/ledger/counts.json", "/kruimel/demo.js"] {
        assert_eq!(ask(path).status, 404, "{path}");
    }
    // The counters go on after a reload, and the address stays.
    let decided = || stack.metric("kruimel_decisions_total{action=\"accept\"}");
    stack.decide("accept", &ALL, "");
    let taken = || stack.log().matches("is in force").count();
    signal(stack.process_id(), "HUP");
    stack.await_that("the config is read again", || taken() > 0);
    stack.decide("accept", &ALL, "");
    assert_eq!(decided(), 2);
    let there = ask("/metrics").text().contains("\nkruimel_decisions_total{action=\"accept\"} 2\n");
    assert!(there, "{}", ask("/metrics").text());
}

#[test]
fn without_an_address_for_it_health_is_on_this_machine_alone() {
    let stack = start("");
    assert_eq!(stack.ask("/readyz").status, 200);
    assert_eq!(send(stack.public, "GET", "/readyz", &[], b"").status, 404);
}
