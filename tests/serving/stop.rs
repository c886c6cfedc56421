//! A stop: idle connections are closed, what is under way finishes, and a second signal ends it at once.

use super::parts::{Open, start};
use crate::sender::batch;
use crate::stack::{Stack, USER_AGENT, signal};

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

/// A batch of which the last byte is kept back, once the server waits for the body; and that byte.
fn begin(stack: &Stack, cookies: &str) -> (Open, String) {
    let body = batch(1, "/page");
    let mut open = Open::to(stack.public);
    let (most, last) = body.split_at(body.len() - 1);
    let head = format!(
        "POST /kruimel/events HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\ncontent-type: text/plain\r\n\
         user-agent: {USER_AGENT}\r\ncookie: {cookies}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    open.write(head.as_bytes()).unwrap();
    assert_eq!(open.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
    open.write(most.as_bytes()).unwrap();
    (open, last.to_owned())
}

#[test]
fn a_stop_closes_who_is_idle_and_finishes_what_is_under_way() {
    let mut stack = start("");
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let mut idle = Open::to(stack.public);
    assert!(idle.ask().starts_with("HTTP/1.1 200"));
    let (mut busy, last) = begin(&stack, &cookies);
    signal(stack.process_id(), "TERM");
    assert_eq!(idle.read_to_end(), "", "told to close");
    // Nobody new is let in, and the one that had begun is answered.
    busy.write(last.as_bytes()).unwrap();
    let answer = busy.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("connection: close"), "{answer}");
    assert!(stack.wait().success(), "{}", stack.log());
    let stack = stack.kill_and_restart();
    stack.await_count("SELECT count() FROM events", 1);
}

#[test]
fn a_second_signal_ends_it_at_once_and_what_was_acknowledged_is_there() {
    let mut stack = start("");
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let (mut whole, last) = begin(&stack, &cookies);
    whole.write(last.as_bytes()).unwrap();
    assert!(whole.read_head().starts_with("HTTP/1.1 202"));
    let _never_finished = begin(&stack, &cookies);
    signal(stack.process_id(), "TERM");
    stack.await_that("it stops", || stack.log().contains("Stopping"));
    signal(stack.process_id(), "TERM");
    assert_eq!(stack.wait().code(), Some(1), "{}", stack.log());
    let stack = stack.kill_and_restart();
    stack.await_count("SELECT count() FROM events", 1);
}
