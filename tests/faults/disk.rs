//! A full disk: what no longer fits is answered 503 and never 202, and once there is room everything goes on by itself.

use super::load::Visitors;
use crate::stack::{Stack, signal};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Waits for the room to be gone, which `fill` sees to, and found again: `free` makes it.
fn fill_and_free(stack: &Stack, fill: impl FnOnce(), free: impl FnOnce()) {
    let mut visitors = Visitors::of(stack);
    let load = visitors.start(stack);
    stack.await_that("batches are taken", || load.acknowledged() > 20);
    fill();
    stack.await_that("batches are put off", || load.put_off() > 20);
    stack.await_that("it says so", || {
        let ready = stack.ask("/readyz");
        ready.status == 503 && ready.text().contains("spool: full")
    });
    free();
    stack.await_that("there is room again", || stack.ask("/readyz").status == 200);
    let before = load.acknowledged();
    stack.await_that("batches are taken again", || load.acknowledged() > before + 20);
    visitors.end(load);
    visitors.assert_exactly_once(stack);
    visitors.repeat(stack);
    visitors.assert_exactly_once(stack);
}

/// Sets a largest size for the server's files; `None` lifts it. That needs no rights, and each write beyond it fails as on
/// a full disk: in the middle.
pub(super) fn limit(stack: &Stack, bytes: Option<u64>) {
    let server = Pid::from_raw(i32::try_from(stack.process_id()).unwrap());
    let own = getrlimit(Resource::Fsize);
    let current = bytes.or(own.current);
    prlimit(server, Resource::Fsize, Rlimit { current, maximum: own.maximum }).unwrap();
}

#[test]
fn a_disk_that_is_full_puts_browsers_off_and_loses_and_doubles_nothing() {
    let stack = Stack::start();
    fill_and_free(&stack, || limit(&stack, Some(2_000)), || limit(&stack, None));
}

#[test]
#[ignore = "needs the right to mount: cargo xtask faults"]
fn a_file_system_that_is_full_puts_browsers_off_and_loses_and_doubles_nothing() {
    let stack = Stack::start_on_small_disk("data/spool", 3 << 20);
    let engine = stack.engine_process_id();
    // While the engine stands still nothing leaves the spool.
    fill_and_free(&stack, || signal(engine, "STOP"), || signal(engine, "CONT"));
}

#[test]
#[ignore = "needs the right to mount: cargo xtask faults"]
fn a_disk_that_the_store_filled_too_puts_browsers_off_and_loses_and_doubles_nothing() {
    let stack = Stack::start_on_small_disk("data", 96 << 20);
    let ballast = stack.data_within().join("ballast");
    // What is left is too little for the spool's largest record, and for a part of the store's.
    fill_and_free(&stack, || fill(&ballast), || fs::remove_file(&ballast).unwrap());
}

/// Writes a file until its file system is full.
fn fill(file: &Path) {
    let mut file = fs::File::create(file).unwrap();
    let mut size = 1 << 20;
    while size > 0 {
        match file.write(&vec![1; size]) {
            Ok(0) | Err(_) => size /= 2,
            Ok(_) => {}
        }
    }
}
