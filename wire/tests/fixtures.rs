//! The golden files parse forever, and what is written today reads back the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kruimel_wire::{Batch, DecisionRequest, Receipt, Refusal, Surface};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;

fn read(name: &str) -> String {
    fs::read_to_string(format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(name: &str) -> T {
    let first: T = serde_json::from_str(&read(name)).unwrap();
    let again: T = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
    assert_eq!(first, again, "{name}");
    first
}

#[test]
fn every_batch_that_was_ever_sent_still_parses() {
    for (name, events) in [("batch.json", 2), ("batch_retry.json", 1), ("batch_smallest.json", 1)] {
        let text = read(name);
        let batch: Batch<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!((batch.events.len(), batch.retry), (events, name == "batch_retry.json"), "{name}");
        let written = serde_json::to_string(&batch).unwrap();
        assert_eq!(serde_json::from_str::<Batch<'_>>(&written).unwrap(), batch, "{name}");
    }
}

#[test]
fn every_decision_and_cookie_still_parses() {
    assert_eq!(round_trip::<DecisionRequest>("decision.json").site, "example");
    assert!(round_trip::<DecisionRequest>("decision_late.json").earlier.is_some());
    assert_eq!(round_trip::<Refusal>("refusal.json").day, "2026-11-22");
    assert_eq!(round_trip::<Receipt>("receipt.json").consent_id.0, 0xc0);
}

#[test]
fn what_a_decision_can_say_besides_parses_and_is_left_out_where_it_is_not_said() {
    let session = round_trip::<DecisionRequest>("decision_session.json");
    assert!(session.session && session.of_age && session.until_day.is_none());
    let import = round_trip::<DecisionRequest>("decision_import.json");
    assert_eq!((import.surface, import.until_day.as_deref()), (Surface::Import, Some("2027-02-01")));
    assert!(round_trip::<Refusal>("refusal_session.json").session);
    assert!(round_trip::<Receipt>("receipt_session.json").session);
    assert_eq!(round_trip::<Refusal>("refusal_import.json").until.as_deref(), Some("2027-02-01"));
    for (name, written) in [
        ("decision.json", serde_json::to_string(&round_trip::<DecisionRequest>("decision.json"))),
        ("refusal.json", serde_json::to_string(&round_trip::<Refusal>("refusal.json"))),
        ("refusal_session.json", serde_json::to_string(&round_trip::<Refusal>("refusal_session.json"))),
    ] {
        assert_eq!(written.unwrap(), read(name).trim_end(), "{name}");
    }
}

#[test]
fn a_category_that_is_granted_in_part_allows_its_named_services_alone() {
    let receipt = round_trip::<Receipt>("receipt_services.json");
    assert!(receipt.allows("functional", "filmkade") && !receipt.allows("functional", "kaartwerk"));
    assert!(receipt.allows("analytics", "kruimel") && !receipt.allows("advertising", "streetreach"));
}

#[test]
fn every_fixture_is_held_by_a_test() {
    let mut names: Vec<String> = fs::read_dir(format!("{}/fixtures", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let held = [
        "batch.json",
        "batch_retry.json",
        "batch_smallest.json",
        "decision.json",
        "decision_import.json",
        "decision_late.json",
        "decision_session.json",
        "receipt.json",
        "receipt_services.json",
        "receipt_session.json",
        "refusal.json",
        "refusal_import.json",
        "refusal_session.json",
    ];
    assert_eq!(names, held);
}
