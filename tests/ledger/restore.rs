//! A store that is put back as it was before people withdrew: nothing of theirs stays, with no command of Kruimel's.

use super::ALL;
use super::own::{page, press_erase, token};
use crate::sender::{batch, try_batch};
use crate::stack::Stack;
use std::path::Path;
use std::process::Command;

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn an_older_store_that_is_put_back_keeps_nothing_of_who_withdrew_or_was_erased_since() {
    let mut stack = Stack::start();
    let cookies = [0; 3].map(|_| stack.decide("accept", &ALL, "").cookies());
    for (cookies, number) in cookies.iter().zip(1..) {
        assert_eq!(try_batch(stack.public, cookies, &batch(number, "/page")).unwrap().status, 202);
    }
    stack.await_count("SELECT count() FROM events", 3);
    let granted = "SELECT count() FROM consents WHERE action = 'accept'";
    stack.await_count(granted, 3);
    assert!(stack.stop().success(), "{}", stack.log());
    let [store, older] = ["store", "older"].map(|name| stack.data().join(name));
    copy(&store, &older);

    let mut stack = stack.kill_and_restart();
    let [withdrawn, erased, _] = &cookies;
    assert_eq!(stack.decide("withdraw", &[], withdrawn).status, 200);
    let shown = page(&stack, "", erased);
    assert_eq!(press_erase(&stack, erased, &token(&shown)).status, 303);
    stack.await_count("SELECT count() FROM events", 1);
    stack.await_count(granted, 2);
    assert!(stack.stop().success(), "{}", stack.log());
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&older, &store).unwrap();

    let stack = stack.kill_and_restart();
    stack.await_count("SELECT count() FROM events", 1);
    stack.await_count(granted, 2);
    for (cookies, (number, status)) in cookies.iter().zip([(4, 403), (5, 403), (6, 202)]) {
        assert_eq!(try_batch(stack.public, cookies, &batch(number, "/again")).unwrap().status, status);
    }
    stack.await_drained();
    assert_eq!(stack.count("SELECT count() FROM events"), 2);
}
