//! Whole journeys through the real parts: the binary with its engine process, real files, and Chromium where a browser
//! decides. One test binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking")]

mod bad_input;
mod browser;
mod consent;
mod day;
mod documented;
mod faults;
mod http;
mod journey;
mod languages;
mod lawful;
mod ledger;
mod look;
mod package;
mod sender;
mod serving;
mod stack;
