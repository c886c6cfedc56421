//! Connections that cost: half a head, half a body, nothing at all, too many.

use super::parts::{Open, config, counted, start};
use crate::sender::{batch, try_batch};
use crate::stack::Stack;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Write;
use std::net::TcpStream;

/// Open files that a test with many connections needs.
const OWN_FILES: u64 = 4_096;

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

fn turned_away(stack: &Stack, reason: &str) -> u64 {
    let series = format!("kruimel_connections_turned_away_total{{listener=\"public\",reason=\"{reason}\"}}");
    counted(stack, &series)
}

fn assert_served(stack: &Stack, cookies: &str, number: u64) {
    let answer = try_batch(stack.public, cookies, &batch(number, "/page")).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
}

#[test]
fn a_batch_whose_sender_hangs_up_is_counted_as_that() {
    let stack = start("");
    let body = batch(1, "/half");
    let mut half = TcpStream::connect(stack.public).unwrap();
    let head = format!(
        "POST /kruimel/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    half.write_all(head.as_bytes()).unwrap();
    half.write_all(&body.as_bytes()[..body.len() / 2]).unwrap();
    drop(half);
    let rejected = |reason: &str| {
        counted(&stack, &format!("kruimel_events_total{{outcome=\"rejected\",reason=\"{reason}\"}}"))
    };
    stack.await_that("it is counted", || rejected("aborted") + rejected("not_json") > 0);
    assert_eq!((rejected("aborted"), rejected("not_json")), (1, 0));
}

#[test]
fn heads_that_never_end_are_cut_off_and_visitors_are_answered_meanwhile() {
    let stack = start("header_seconds = 5");
    let cookies = stack.decide("accept", &ALL, "").cookies();
    // Each writes at once: who says nothing for as long as a head may take is cut off too, but counted nowhere.
    let begin = |_| {
        let mut one = Open::to(stack.public);
        one.write(b"POST /kruimel/events HTTP/1.1\r\nhost: localhost\r\nx-a: ").unwrap();
        one
    };
    let mut slow: Vec<Open> = (0..300).map(begin).collect();
    // One that asked once before is no better.
    let mut known = Open::to(stack.public);
    assert!(known.ask().starts_with("HTTP/1.1 200"));
    known.write(b"GET / HTTP/1.1\r\n").unwrap();
    for number in 0..20 {
        assert_served(&stack, &cookies, number);
        for one in &mut slow {
            // Drop by drop; some may be cut off by now.
            if one.write(b"a").is_err() {
                break;
            }
        }
    }
    for one in slow.iter_mut().chain([&mut known]) {
        assert_eq!(one.read_to_end(), "");
    }
    stack.await_that("each is counted", || turned_away(&stack, "slow_head") >= 301);
    assert_served(&stack, &cookies, 99);
}

#[test]
fn a_thousand_keep_alive_connections_are_kept_and_take_nobodys_place() {
    let files = Resource::Nofile;
    let limit = getrlimit(files);
    // The other ends of the connections are here.
    let raised = limit.maximum.unwrap_or(OWN_FILES).min(OWN_FILES).max(limit.current.unwrap_or(OWN_FILES));
    setrlimit(files, Rlimit { current: Some(raised), ..limit }).unwrap();
    // A login shell's limit would not do for it either: it raises its own.
    let stack = Stack::start_with_files(&config("connections_max = 1400", ""), 256);
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let asking = |_| {
        let mut one = Open::to(stack.public);
        assert!(one.ask().starts_with("HTTP/1.1 200"));
        one
    };
    let mut kept: Vec<Open> = (0..1_000).map(asking).collect();
    for (number, one) in kept.iter_mut().enumerate() {
        assert!(one.ask().starts_with("HTTP/1.1 200"), "it was kept");
        if number % 50 == 0 {
            assert_served(&stack, &cookies, number as u64);
        }
    }
    // From three quarters on, who is idle makes room.
    let _silent: Vec<Open> = (0..390).map(|_| Open::to(stack.public)).collect();
    for number in 1_000..1_020 {
        stack.await_that("a visitor is answered", || {
            try_batch(stack.public, &cookies, &batch(number, "/page"))
                .is_ok_and(|answer| answer.status == 202)
        });
    }
}

#[test]
fn where_every_seat_is_taken_the_next_one_is_told_at_once() {
    let stack = start("connections_max = 64\nheader_seconds = 15");
    let mut silent: Vec<Open> = (0..64).map(|_| Open::to(stack.public)).collect();
    let mut next = Open::to(stack.public);
    let told = next.read_to_end();
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after: 5"), "{told}");
    assert_eq!(turned_away(&stack, "no_room"), 1);
    // Who never asks anything leaves soon, and then there is room again.
    assert_eq!(silent[63].read_to_end(), "");
    assert_eq!(turned_away(&stack, "slow_head"), 0, "it sent nothing");
    stack.await_that("there is room", || Open::to(stack.public).ask().starts_with("HTTP/1.1 200"));
}

#[test]
fn an_idle_connection_is_closed_and_a_head_that_is_too_large_refused() {
    let stack = start("idle_seconds = 1");
    let mut idle = Open::to(stack.public);
    assert!(idle.ask().starts_with("HTTP/1.1 200"));
    assert_eq!(idle.read_to_end(), "");
    let mut large = Open::to(stack.public);
    let line = format!("x-a: {}\r\n", "a".repeat(40_000));
    // It may be refused before all of it is sent.
    drop(large.write(format!("GET /kruimel/demo.js HTTP/1.1\r\nhost: localhost\r\n{line}\r\n").as_bytes()));
    assert!(large.read_head().starts_with("HTTP/1.1 431"));
    let mut many = Open::to(stack.public);
    let lines = "x-a: a\r\n".repeat(150);
    many.write(format!("GET /kruimel/demo.js HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n").as_bytes())
        .unwrap();
    assert!(many.read_head().starts_with("HTTP/1.1 431"));
    let mut other = Open::to(stack.public);
    other.write(b"this is not HTTP\r\n\r\n").unwrap();
    assert!(other.read_head().starts_with("HTTP/1.1 400"));
    stack.await_that("each is counted", || {
        turned_away(&stack, "large_head") == 2 && turned_away(&stack, "malformed") == 1
    });
}
