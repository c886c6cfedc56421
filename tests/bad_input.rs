//! Input that is wrong: the right status, a reason that a person understands, a counted rejection, nothing stored.

use crate::http::send;
use crate::sender::{batch, batch_with, try_batch};
use crate::stack::{Stack, USER_AGENT};
use std::fs;
use std::process::{Command, Output};

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];
const EVENTS: &str = "/kruimel/events";

#[test]
fn a_bad_batch_is_answered_with_its_reason_counted_and_not_stored() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let narrow = stack.decide("save", &["functional"], "").cookies();
    let forged = cookies.replace("%22analytics%22", "%22Analytics%22");
    let good = batch(1, "/page");
    let old = batch_with(2, "/page", &[r#"{"seq":1,"kind":"view","age_ms":90000000}"#]);
    let ahead = batch_with(3, "/page", &[r#"{"seq":1,"kind":"view","age_ms":-60000}"#]);
    let cases = [
        ("hello", cookies.as_str(), 422, "not_json"),
        (&"x".repeat(100_000), &cookies, 413, "too_large"),
        (&good.replace("\"demo\"", "\"nobody\""), &cookies, 422, "unknown_site"),
        (&good, "", 403, "no_receipt"),
        (&good, &forged, 403, "forged_receipt"),
        (&good, &narrow, 403, "not_granted"),
        (&ahead, &cookies, 422, "not_json"),
        (&good.replace("\"v\":1", "\"v\":9"), &cookies, 422, "unsupported_version"),
    ];
    for (body, cookies, status, reason) in cases {
        let answer = stack.post(EVENTS, body.as_bytes(), cookies);
        let told = answer.json();
        assert_eq!((answer.status, told["reason"].as_str()), (status, Some(reason)), "{}", answer.text());
        assert!(told["message"].as_str().unwrap().ends_with('.'), "{told}");
    }
    let absurd = stack.post(EVENTS, old.as_bytes(), &cookies);
    assert_eq!((absurd.status, absurd.json()["rejected"][0]["reason"].as_str()), (422, Some("absurd_time")));

    let metrics = send(stack.admin, "GET", "/metrics", &[], b"");
    for (_, _, _, reason) in cases {
        assert!(metrics.text().contains(&format!("reason=\"{reason}\"")), "{reason}: {}", metrics.text());
    }
    assert!(metrics.text().contains("reason=\"absurd_time\"} 1"), "{}", metrics.text());
    stack.await_drained();
    assert_eq!(stack.count("SELECT count() FROM events"), 0);
    for secret in ["AppleWebKit", "127.0.0.1:5", "%22sig%22", "/page"] {
        assert!(!stack.log().contains(secret), "the log holds {secret}");
    }
}

#[test]
fn a_foreign_origin_and_a_wrong_content_type_are_refused() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let post = |origin: &str, kind: &str| {
        let headers = [
            ("origin", origin),
            ("content-type", kind),
            ("cookie", cookies.as_str()),
            ("user-agent", USER_AGENT),
        ];
        let answer = send(stack.public, "POST", EVENTS, &headers, batch(1, "/page").as_bytes());
        (answer.status, answer.json()["reason"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(post("https://evil.example", "text/plain"), (403, "foreign_origin".to_owned()));
    assert_eq!(post("null", "text/plain"), (403, "foreign_origin".to_owned()));
    assert_eq!(
        post("http://localhost", "application/x-www-form-urlencoded"),
        (415, "unsupported_media".to_owned())
    );
    assert_eq!(post("http://localhost", "application/json").0, 202);
}

#[test]
fn pages_of_the_site_alone_may_read_what_is_said_about_a_visitor() {
    let stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let loader = "/kruimel/demo.js";
    for (origin, is_of_site) in
        [("http://localhost", true), ("http://localhost.evil.example", false), ("null", false)]
    {
        let ask = |method: &str, path: &str, body: &str| {
            let headers = [("origin", origin), ("content-type", "text/plain"), ("cookie", cookies.as_str())];
            let answer = send(stack.public, method, path, &headers, body.as_bytes());
            ["origin", "credentials"]
                .map(|what| answer.header(&format!("access-control-allow-{what}")).map(str::to_owned))
        };
        let allowed =
            if is_of_site { [Some(origin.to_owned()), Some("true".to_owned())] } else { [None, None] };
        for path in [EVENTS, "/kruimel/consent"] {
            assert_eq!(ask("OPTIONS", path, ""), allowed, "{path} {origin}");
        }
        assert_eq!(ask("POST", EVENTS, &batch(1, "/page")), allowed, "{origin}");
        assert_eq!(ask("POST", "/kruimel/consent", "{}"), allowed, "{origin}");
        assert_eq!(ask("GET", loader, ""), [Some("*".to_owned()), None], "it is the same for everybody");
    }
}

#[test]
fn a_decision_that_contradicts_itself_or_names_something_unknown_is_refused() {
    let stack = Stack::start();
    for (action, categories, reason) in [
        ("accept", &["analytics"][..], "contradictory_decision"),
        ("refuse", &["analytics"], "contradictory_decision"),
        ("save", &["telepathy"], "unknown_category"),
    ] {
        let answer = stack.decide(action, categories, "");
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (422, Some(reason)), "{action}");
        assert!(answer.set_cookie("kruimel").is_none());
    }
    let outdated = stack.post(
        "/kruimel/consent",
        br#"{"v":1,"site":"demo","action":"save","categories":["analytics"],"revision":99,"text":"","language":"en","surface":"notice"}"#,
        "",
    );
    assert_eq!((outdated.status, outdated.json()["reason"].as_str()), (403, Some("outdated_receipt")));
}

#[test]
fn the_admin_listener_answers_its_own_names_alone() {
    let stack = Stack::start();
    let port = stack.admin.port();
    let ask = |host: &str, site: &str| {
        send(stack.admin, "GET", "/healthz", &[("host", host), ("sec-fetch-site", site)], b"").status
    };
    assert_eq!(ask(&format!("localhost:{port}"), "same-origin"), 200);
    assert_eq!(ask(&format!("localhost:{port}"), "none"), 200);
    assert!(matches!(ask("evil.example", "none"), 403 | 421));
    assert_eq!(ask(&format!("localhost:{port}"), "cross-site"), 403);
}

fn kruimel(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kruimel")).args(arguments).env("KRUIMEL_LOG", "warn").output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_broken_config_is_told_whole_before_a_socket_opens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kruimel.toml");
    fs::write(
        &file,
        "[listen]\npublic = \"nowhere\"\nadmin = \"0.0.0.0:7701\"\n\n[[site]]\nid = \"Bad Id\"\nhots = []\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    for arguments in [&["check", path][..], &["serve", "--config", path]] {
        let output = kruimel(arguments);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        for place in ["kruimel.toml:2:", "kruimel.toml:3:", "kruimel.toml:6:", "kruimel.toml:7:"] {
            assert!(told.contains(place), "{place} is missing in:\n{told}");
        }
        assert!(told.contains("hosts"), "{told}");
    }
    assert!(!folder.path().join("data").exists(), "a refused config leaves nothing behind");
}

#[test]
fn what_stops_a_start_is_one_sentence_and_leaves_no_half_started_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kruimel.toml");
    let site = "[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"www.example.org\"]\ncontroller = \"Town of Example\"\n\
                contact = \"privacy@example.org\"\ntime_zone = \"Europe/Brussels\"\nlanguage = \"en\"\nlanguages = [\"en\"]\n";
    fs::write(
        &file,
        format!("data_dir = \"d\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\ndirect = true\n[store]\nlibrary = \"missing.so\"\n{site}"),
    )
    .unwrap();
    let output = kruimel(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("missing.so"), "{}", stderr(&output));
    assert_eq!(stderr(&output).trim().lines().count(), 1, "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "it said that it listens");
}

#[test]
fn a_data_folder_in_use_is_refused_and_its_owner_goes_on() {
    let stack = Stack::start();
    let data = stack.data();
    let output = kruimel(&[
        "serve",
        "--demo",
        "--demo-public",
        "127.0.0.1:0",
        "--demo-admin",
        "127.0.0.1:0",
        "--demo-data",
        data.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    let cookies = stack.decide("accept", &ALL, "").cookies();
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/page")).unwrap().status, 202);
    stack.await_count("SELECT count() FROM events", 1);
}

#[test]
fn a_full_disk_is_one_sentence_and_no_half_started_server() {
    // A filesystem without room that every Linux has, so that no rights are needed to mount one.
    let output = Command::new(env!("CARGO_BIN_EXE_kruimel"))
        .args(["serve", "--demo", "--demo-data", "/proc", "--demo-public", "127.0.0.1:0"])
        .args(["--demo-admin", "127.0.0.1:0"])
        .output()
        .unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("MiB left"), "{told}");
    assert_eq!(told.trim().lines().count(), 1, "{told}");
    assert!(output.stdout.is_empty(), "it said that it listens");
}

#[test]
fn a_command_about_what_is_stored_makes_no_store_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("elsewhere");
    for command in [&["ledger", "verify"][..], &["ledger", "heads"], &["sample", "remove"]] {
        let output = kruimel(&[command, &["--demo-data", data.to_str().unwrap()]].concat());
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
        assert!(stderr(&output).contains("there is no store at"), "{}", stderr(&output));
    }
    assert!(!data.exists());
}

/// The demo's config with a store that is away.
fn config_without_store() -> String {
    let listen = "data_dir = \"data\"\n[store]\nurl = \"http://127.0.0.1:1\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n";
    include_str!("../collector/src/config/demo.toml").replace("[listen]\n", listen)
}

#[test]
fn a_first_start_without_its_store_fails_however_often_it_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kruimel.toml");
    fs::write(&file, config_without_store()).unwrap();
    // The second time with what a further collector is given of the first one's.
    let first = Stack::start();
    for further in [false, true] {
        let declared = folder.path().join("data/declarations");
        if further {
            fs::create_dir_all(&declared).unwrap();
            fs::copy(first.data().join("declarations/demo.jsonl"), declared.join("demo.jsonl")).unwrap();
            for name in ["keys", "texts"] {
                fs::copy(first.data().join(name), folder.path().join("data").join(name)).unwrap();
            }
        }
        let output = kruimel(&["serve", "--config", file.to_str().unwrap()]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("the store's tables cannot be brought up to date"), "{told}");
        assert!(output.stdout.is_empty(), "it said that it listens");
    }
}

#[test]
fn a_collector_that_its_store_answered_before_starts_without_it_whatever_became_of_its_declarations() {
    let first = Stack::start();
    fs::remove_dir_all(first.data().join("declarations")).unwrap();
    let second = first.restart_with_config(&config_without_store());
    assert_eq!(second.decide("accept", &ALL, "").status, 200, "{}", second.log());
    // So does one of which nothing is left but rows that it acknowledged.
    fs::remove_dir_all(second.data().join("declarations")).unwrap();
    fs::remove_file(second.data().join("store-answered")).unwrap();
    let third = second.kill_and_restart();
    assert_eq!(third.decide("accept", &ALL, "").status, 200, "{}", third.log());
    assert!(!third.data().join("store-answered").exists(), "no store answered it");
}

#[test]
fn the_dashboards_never_open_to_the_network_not_even_in_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = kruimel(&[
        "serve",
        "--demo",
        "--demo-public",
        "127.0.0.1:0",
        "--demo-admin",
        "0.0.0.0:0",
        "--demo-data",
        data.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("no accounts"), "{}", stderr(&output));
    assert!(!data.exists());
}

#[test]
fn refusals_are_counted_for_their_site_with_every_event_of_the_batch() {
    let mut stack = Stack::start();
    let view = r#"{"seq":1,"kind":"view","age_ms":0}"#;
    let three = batch_with(1, "/page", &[view, view, view]);
    assert_eq!(stack.post(EVENTS, three.as_bytes(), "").status, 403);
    assert_eq!(stack.decide("accept", &["analytics"], "").status, 422);
    assert_eq!(stack.post(EVENTS, b"hello", "").status, 422);
    assert!(stack.stop().success());
    let stack = stack.kill_and_restart();
    stack.await_drained();
    let counted = "SELECT concat(site_id, ' ', reason, ' ', toString(sum(count))) FROM rejections GROUP BY site_id, reason ORDER BY reason";
    assert_eq!(
        stack.texts(counted),
        ["demo contradictory_decision 1", "demo no_receipt 3", " not_json 1"].map(str::to_owned)
    );
}
