//! See `collector/src/fuzz.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kruimel_collector::fuzz::record(bytes));
