//! The consent ledger through the real binary and its engine: what is recorded, replayed, verified, kept and erased.

mod chain;
mod own;
mod record;
mod restore;

use crate::stack::Stack;
use serde_json::Value;
use std::process::{Command, Output};

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

/// Runs `kruimel ledger` on the stack's data, beside the running server.
fn ledger(stack: &Stack, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kruimel"));
    command.arg("ledger").args(arguments).arg("--demo-data").arg(stack.data());
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn verified(stack: &Stack, more: &[&str]) -> (Option<i32>, Value) {
    let output = ledger(stack, &[&["verify", "--json"], more].concat());
    let told = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), told)
}

/// The rows of the ledger as JSON, in the order of their times.
fn rows(stack: &Stack) -> Vec<Value> {
    let sql = "SELECT formatRow('JSONEachRow', *) FROM consents ORDER BY ts, chain_seq";
    stack.texts(sql).iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}
