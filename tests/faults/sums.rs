//! Every received event ends in exactly one counter: the sums meet, with each other, with the store, and after hang-ups.

use super::disk::limit;
use super::load::ALL;
use crate::http::send;
use crate::sender::{batch, batch_with, send_and_leave, try_batch};
use crate::serving::parts::{TlsFiles, config};
use crate::stack::{Stack, signal};

/// The values of every line of a metric, with or without labels.
fn values(metrics: &str, beginning: &str) -> Vec<u64> {
    let lines = metrics.lines().filter(|line| line.starts_with(beginning));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
}

fn sum(metrics: &str, beginning: &str) -> u64 {
    values(metrics, beginning).iter().sum()
}

/// Decisions from hosts that nobody has, each as long as a head may be: together more than a record of the spool.
const MADE_UP: u64 = 40;

fn make_up_hosts(stack: &Stack) {
    let decision = r#"{"v":1,"site":"demo","action":"refuse","categories":[],"revision":1,"text":"","language":"en","surface":"notice"}"#;
    for number in 0..MADE_UP {
        let origin = format!("https://{number}{}", "x".repeat(30_000));
        let headers = [("origin", origin.as_str()), ("content-type", "text/plain")];
        let answer = send(stack.public, "POST", "/kruimel/consent", &headers, decision.as_bytes());
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
}

#[test]
fn the_sums_meet_whatever_became_of_an_event() {
    let mut stack = Stack::start();
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let post = |body: &str, cookies: &str| stack.post("/kruimel/events", body.as_bytes(), cookies).status;
    let view = r#"{"seq":1,"kind":"view","age_ms":0}"#;
    let old = r#"{"seq":2,"kind":"view","age_ms":90000000}"#;
    let three = batch_with(1, "/sums", &[view, view, view]);
    let mixed = batch_with(2, "/sums", &[view, old, old]);
    assert_eq!(post(&three, &cookies), 202);
    assert_eq!(post(&three, &cookies), 202);
    assert_eq!(post(&mixed, &cookies), 202);
    assert_eq!(post(&batch_with(3, "/sums", &[old]), &cookies), 422);
    assert_eq!(post(&three, ""), 403);
    assert_eq!(post("hello", &cookies), 422);
    assert_eq!(post(&"x".repeat(100_000), &cookies), 413);
    assert_eq!(stack.decide("accept", &["analytics"], "").status, 422);
    limit(&stack, Some(0));
    assert_eq!(post(&batch_with(4, "/sums", &[view, view]), &cookies), 503);
    limit(&stack, None);
    let metrics = stack.ask("/metrics").text().to_owned();
    let outcomes = |outcome: &str| sum(&metrics, &format!("kruimel_events_total{{outcome=\"{outcome}\""));
    let received = 3 + 3 + 3 + 1 + 3 + 1 + 1 + 2;
    assert_eq!(values(&metrics, "kruimel_events_received_total "), [received], "{metrics}");
    assert_eq!(
        (outcomes("accepted"), outcomes("repeated"), outcomes("rejected")),
        (4, 3, 2 + 1 + 3 + 1 + 1 + 2)
    );
    assert_eq!(sum(&metrics, "kruimel_decisions_rejected_total{"), 1);
    make_up_hosts(&stack);

    // Browsers that leave at once, while batches and the engine come and go.
    signal(stack.engine_process_id(), "KILL");
    for number in 100..160 {
        drop(send_and_leave(stack.public, &cookies, &batch(number, "/sums")));
    }
    assert_eq!(try_batch(stack.public, &cookies, &batch(160, "/sums")).unwrap().status, 202);
    stack.await_that("every event has its counter", || {
        let metrics = stack.ask("/metrics").text().to_owned();
        sum(&metrics, "kruimel_events_received_total ") == sum(&metrics, "kruimel_events_total{")
    });
    stack.await_that("the engine's end is counted", || {
        sum(stack.ask("/metrics").text(), "kruimel_engine_restarts_total{reason=\"ended\"} ") == 1
    });
    stack.await_drained();
    let metrics = stack.ask("/metrics").text().to_owned();
    let accepted = sum(&metrics, "kruimel_events_total{outcome=\"accepted\"");
    let rejected = sum(&metrics, "kruimel_events_total{outcome=\"rejected\"") + 1 + MADE_UP;
    assert_eq!(stack.count("SELECT count() FROM events"), accepted);
    for timed in ["kruimel_spool_write_seconds_count ", "kruimel_insert_seconds_count "] {
        assert!(sum(&metrics, timed) > 0, "{metrics}");
    }
    // A full disk is looked at again after a second.
    let well = "spool: ok\nstore: ok\nengine: ok\ndrain: ok\nerasure: ok\n";
    stack.await_that("the spool takes events again, and all is well", || {
        let ready = stack.ask("/readyz");
        (ready.status, ready.text()) == (200, well)
    });
    // The counters of the table are flushed with the end.
    assert!(stack.stop().success());
    let stack = stack.kill_and_restart();
    stack.await_drained();
    assert_eq!(stack.count("SELECT sum(count) FROM rejections"), rejected);
    assert_eq!(stack.count("SELECT sum(count) FROM rejections WHERE origin_host = '(other)'"), MADE_UP);
}

#[test]
fn every_metric_that_an_alert_or_a_panel_names_is_there() {
    // With everything on that has metrics of its own.
    let tls = TlsFiles::new();
    let telemetry = "[telemetry]\nendpoint = \"http://127.0.0.1:9\"";
    let stack = Stack::start_with_config(&config(&tls.key(), telemetry));
    let metrics = stack.ask("/metrics").text().to_owned();
    for file in [include_str!("../../deploy/alerts.yml"), include_str!("../../deploy/grafana.json")] {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let names = file.split(|letter| !is_name(letter)).filter(|word| word.starts_with("kruimel_"));
        for name in names {
            let family = name.trim_end_matches("_bucket");
            assert!(metrics.contains(&format!("# TYPE {family} ")), "{name} is not among the metrics");
        }
    }
}
