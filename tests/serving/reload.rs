//! Another config while it runs: put in force whole or not at all, without a lost event or a dropped connection.

use super::parts::{Open, batch_from, config};
use crate::http::send;
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, signal};
use std::fs;
use std::process::Command;
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

#[test]
fn a_geography_is_added_and_taken_away_while_it_runs_and_a_broken_one_is_not_taken() {
    let stack = Stack::start_with_config(&config("", ""));
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let file = stack.data().parent().unwrap().join("places.mmdb");
    let geo = format!("[geo]\ndatabase = \"{}\"", file.display());
    fs::write(&file, b"half a file").unwrap();
    reload(&stack, &config("", &geo), "not a geography that can be read");
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/page")).unwrap().status, 202);

    fs::write(&file, everywhere_in("NL")).unwrap();
    reload(&stack, &config("", &geo), "is in force");
    // It tells more of visitors than before, so they are asked again.
    assert_eq!(try_batch(stack.public, &cookies, &batch(2, "/page")).unwrap().status, 403);
    let body = serde_json::json!({
        "v": 1, "site": "demo", "action": "accept", "categories": ALL, "revision": 2,
        "text": "", "language": "en", "surface": "notice",
    });
    let cookies = stack.post("/kruimel/consent", body.to_string().as_bytes(), "").cookies();
    let located = |number, path: &str| {
        let answer = batch_from(stack.public, "198.51.100.7", &cookies, &batch(number, path));
        assert_eq!(answer.status, 202, "{}", answer.text());
        stack.await_drained();
        let country = format!("SELECT toString(country) FROM events WHERE path = '{path}'");
        stack.texts(&country)
    };
    assert_eq!(located(3, "/with"), ["NL"]);
    reload(&stack, &config("", ""), "is in force");
    assert_eq!(located(4, "/without"), ["BE"], "by the time zone again");
}

#[test]
fn what_needs_a_restart_is_named_key_by_key_and_nothing_of_it_is_taken() {
    let stack = Stack::start_with_config(&config("", ""));
    let more =
        format!("{SHOP}\n[spool]\nbytes_max = 33554432\n[telemetry]\nendpoint = \"http://127.0.0.1:4318\"");
    let listen = "idle_seconds = 9\nrequests_max = 99";
    let named =
        "listen.idle_seconds, listen.requests_max, spool, telemetry cannot change while the collector runs";
    reload(&stack, &config(listen, &more), named);
    assert_eq!(get(&stack, "/kruimel/shop.js").0, 404);
    reload(&stack, &config("", SHOP), "is in force");
    assert_eq!(get(&stack, "/kruimel/shop.js").0, 200);
}

/// A database in MaxMind's format (version 2.0) in which every address lies in one country.
fn everywhere_in(country: &str) -> Vec<u8> {
    let text = |value: &str| [&[0x40 | value.len() as u8], value.as_bytes()].concat();
    let map = |pairs: &[(&str, Vec<u8>)]| {
        let members = pairs.iter().flat_map(|(key, value)| [text(key), value.clone()].concat());
        std::iter::once(0xe0 | pairs.len() as u8).chain(members).collect::<Vec<u8>>()
    };
    // One node of two 24-bit records, both pointing past the tree and the separator to the first datum.
    let record = [0, 0, 1 + 16];
    let number = |value: u8| vec![0xa1, value];
    let metadata = map(&[
        ("node_count", vec![0xc1, 1]),
        ("record_size", number(24)),
        ("ip_version", number(4)),
        ("database_type", text("Test")),
        ("languages", vec![0x00, 0x04]),
        ("binary_format_major_version", number(2)),
        ("binary_format_minor_version", vec![0xa0]),
        ("build_epoch", vec![0x01, 0x02, 1]),
        ("description", map(&[("en", text("A test"))])),
    ]);
    let data = map(&[("country_code", text(country))]);
    [&record[..], &record, &[0; 16], &data, b"\xab\xcd\xefMaxMind.com", &metadata].concat()
}

#[test]
fn a_site_is_given_keys_of_its_own_which_are_rotated_alone() {
    let stack = Stack::start_with_config(&config("", ""));
    let accept = || stack.decide("accept", &ALL, "").cookies();
    let status =
        |cookies: &str, number| try_batch(stack.public, cookies, &batch(number, "/page")).unwrap().status;
    let key =
        |cookies: &str| cookies.split("%22key%22:%22").nth(1).map(|rest| rest[..16].to_owned()).unwrap();
    let shared = accept();
    assert_eq!(status(&shared, 1), 202);
    reload(&stack, &config("", "own_keys = true"), "is in force");
    assert_eq!(status(&shared, 2), 202, "what was signed before holds");
    assert_eq!(key(&accept()), key(&shared), "and its own key waits until every collector can have it");

    let file = stack.data().parent().unwrap().join("kruimel.toml");
    let rotate = |site: &str| {
        let arguments = ["keys", "rotate", "--now", "--site", site, "--config", file.to_str().unwrap()];
        Command::new(env!("CARGO_BIN_EXE_kruimel")).args(arguments).output().unwrap()
    };
    let others = fs::read(stack.data().join("keys")).unwrap();
    assert!(String::from_utf8(rotate("demo").stdout).unwrap().contains("keys-demo"));
    assert_eq!(fs::read(stack.data().join("keys")).unwrap(), others);
    assert!(!rotate("shop").status.success(), "there is no such site");
    reload(&stack, &config("", "own_keys = true"), "is in force");
    let own = accept();
    assert_eq!((status(&own, 3), status(&shared, 4), key(&own) == key(&shared)), (202, 202, false));
    // Before the file goes to another operator the shared keys are taken out of it.
    let keys = stack.data().join("keys-demo");
    let lines = fs::read_to_string(&keys).unwrap();
    fs::write(&keys, lines.lines().take(2).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    reload(&stack, &config("", "own_keys = true"), "is in force");
    assert_eq!((status(&own, 5), status(&shared, 6)), (202, 403));
}
