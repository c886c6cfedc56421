//! What an operator's tools ask: is the process alive, can it take events, what did it do.

use crate::Collector;
use crate::spool::Intake;
use crate::store::EngineRestart;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for the store before it is called away. Whoever asks waits a few seconds at most.
const STORE_TIME_MAX: Duration = Duration::from_secs(2);

/// Time that a segment or an erasure may take before it is called behind.
const USUAL_TIME: Duration = Duration::from_secs(60);

/// What is measured outside of the collector, for the same page: it writes Prometheus' text format.
pub type Further = Arc<dyn Fn(&mut String) -> fmt::Result + Send + Sync>;

/// Alive.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready to keep events, and what is not well. The store being away does not make the intake unready.
pub(crate) async fn readyz(State(collector): State<Arc<Collector>>) -> impl IntoResponse {
    let store = async {
        let _seat = collector.limits.asking.probes.acquire().await.ok()?;
        Some(collector.store.is_reachable().await)
    };
    let store = timeout(STORE_TIME_MAX, store).await.ok().flatten().unwrap_or(false);
    let (status, spool) = match collector.spool.intake() {
        Intake::Open => (StatusCode::OK, "ok"),
        Intake::Full => (StatusCode::SERVICE_UNAVAILABLE, "full; browsers are told to come back"),
        Intake::Stalled => {
            (StatusCode::SERVICE_UNAVAILABLE, "the disk does not answer; browsers are told to come back")
        }
        Intake::Broken => (StatusCode::SERVICE_UNAVAILABLE, "cannot be written; see the log"),
    };
    let mut spool = spool.to_owned();
    let depth = collector.spool.depth();
    for (what, segments) in [("set aside", depth.quarantined), ("gone from the disk", depth.lost)] {
        if segments > 0 {
            spool += &format!("; {what} since the start: {segments}, see the log");
        }
    }
    let store = if store { "ok" } else { "away; events are kept on disk until it is back" };
    let health = collector.store.health();
    let engine = match health.engine_is_away() {
        None => "ok",
        Some(EngineRestart::Ended) => "ended, and is being started again",
        Some(EngineRestart::Stuck) => "answered nothing, and is being started again",
        Some(EngineRestart::Failed) => "could not be started, and is tried again",
    };
    let drain = match health.stuck() {
        Some((since, why)) => format!("has not got on for {} s: {why}", since.as_secs()),
        None if depth.drain_lag >= USUAL_TIME => {
            format!("behind: the oldest complete segment waits for {} s", depth.drain_lag.as_secs())
        }
        None => "ok".to_owned(),
    };
    let erasure = match health.erasure_behind().filter(|(since, _)| *since >= USUAL_TIME) {
        Some((since, why)) => format!("has not got on for {} s: {why}", since.as_secs()),
        None => "ok".to_owned(),
    };
    (
        status,
        format!("spool: {spool}\nstore: {store}\nengine: {engine}\ndrain: {drain}\nerasure: {erasure}\n"),
    )
}

/// Prometheus' text format.
pub(crate) async fn metrics(
    State(collector): State<Arc<Collector>>,
    Extension(further): Extension<Further>,
) -> impl IntoResponse {
    let mut text = collector.outcomes.render();
    let rendered = render(&collector, &mut text).and_then(|()| further(&mut text));
    rendered.expect("a String takes what is written to it");
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn render(collector: &Collector, out: &mut String) -> fmt::Result {
    let (depth, health) = (collector.spool.depth(), collector.store.health());
    let version = env!("CARGO_PKG_VERSION");
    for (name, help, value) in [
        ("kruimel_spool_segments", "Segments not yet in the store.", depth.segments as f64),
        ("kruimel_spool_bytes", "Bytes of the spool on disk.", depth.bytes as f64),
        (
            "kruimel_spool_bytes_max",
            "Bytes that the spool may take.",
            collector.config.spool.bytes_max as f64,
        ),
        (
            "kruimel_spool_oldest_seconds",
            "Age of the oldest row not yet in the store.",
            depth.oldest_age.as_secs_f64(),
        ),
        ("kruimel_spool_quarantined_total", "Segments put into quarantine.", depth.quarantined as f64),
        (
            "kruimel_spool_ids_forgotten_early_total",
            "Batch ids forgotten before their fifteen minutes, because more came than are remembered.",
            depth.forgotten_early as f64,
        ),
        (
            "kruimel_spool_lost_total",
            "Segments whose file was gone before the store held all their rows.",
            depth.lost as f64,
        ),
        ("kruimel_drain_lag_seconds", "Age of the oldest complete segment.", depth.drain_lag.as_secs_f64()),
        (
            "kruimel_erasure_behind_seconds",
            "How long erasing what was withdrawn from the store has not got on.",
            health.erasure_behind().map_or(0.0, |(since, _)| since.as_secs_f64()),
        ),
        ("kruimel_drain_segments_total", "Segments that left the spool.", health.segments() as f64),
        ("kruimel_drain_failures_total", "Tries of the drain that failed.", health.failures() as f64),
        (
            "kruimel_doubles_removed_total",
            "Events removed from the store because another segment had brought the same batch.",
            health.doubles_removed() as f64,
        ),
        (
            "kruimel_pages_put_off_total",
            "Looks of visitors at their own data for which the store was not asked.",
            collector.limits.asking.put_off() as f64,
        ),
    ] {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")?;
    }
    let name = "kruimel_engine_restarts_total";
    writeln!(out, "# HELP {name} Times the engine was started again.\n# TYPE {name} counter")?;
    for reason in EngineRestart::ALL {
        writeln!(out, "{name}{{reason=\"{}\"}} {}", reason.name(), health.engine_restarted(reason))?;
    }
    let name = "kruimel_requests_held_total";
    let help = "Requests that had to wait a moment: refusals of a flood, and batches that one network sent in a rush.";
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter")?;
    for (reason, count) in collector.limits.held.waited() {
        writeln!(out, "{name}{{reason=\"{reason}\"}} {count}")?;
    }
    let (name, help) = ("kruimel_build_info", "The version that runs.");
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{{version=\"{version}\"}} 1")?;
    let writes = "From memory to the disk: a group of records written and synced.";
    collector.spool.writes().render(out, "kruimel_spool_write_seconds", writes)?;
    health.inserts.render(out, "kruimel_insert_seconds", "One segment's rows of one table into the store.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::spool::{Appended, Record, Table};
    use axum::body::to_bytes;
    use std::fs;
    use std::path::Path;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    fn open(folder: &Path, store: &str) -> Arc<Collector> {
        let address = "127.0.0.1:0".parse().unwrap();
        let mut config = Config::demo(folder.to_owned(), address, address);
        config.spool.bytes_max = 16 << 20;
        Arc::new(Collector::open(config, clickhouse::Client::default().with_url(store)).unwrap())
    }

    async fn ask(collector: &Arc<Collector>) -> (StatusCode, String) {
        let answer = readyz(State(Arc::clone(collector))).await.into_response();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 4096).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn record(table: Table, bytes: usize) -> Record {
        Record::of(table, vec![vec![0; bytes]].into())
    }

    #[tokio::test]
    async fn a_collector_that_refuses_every_batch_is_not_ready_although_decisions_still_fit() {
        let folder = tempfile::tempdir().unwrap();
        let collector = open(folder.path(), "http://127.0.0.1:1");
        assert_eq!(ask(&collector).await.0, StatusCode::OK);
        while collector.spool.append(record(Table::Events, 400_000)).await == Ok(Appended::Fresh) {}
        let (status, text) = ask(&collector).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.starts_with("spool: full"), "{text}");
        let decision = collector.spool.append(record(Table::Consents, 100)).await;
        assert_eq!(decision, Ok(Appended::Fresh));
    }

    #[tokio::test]
    async fn what_was_set_aside_and_what_is_gone_is_told_and_does_not_make_the_intake_unready() {
        let folder = tempfile::tempdir().unwrap();
        let collector = open(folder.path(), "http://127.0.0.1:1");
        for is_there in [true, false] {
            collector.spool.append(record(Table::Events, 100)).await.unwrap();
            collector.spool.seal().await;
            if !is_there {
                let files = fs::read_dir(collector.config.data_dir.join("spool")).unwrap();
                let mut files = files.map(|entry| entry.unwrap().path());
                fs::remove_file(
                    files.find(|path| path.extension().is_some_and(|sealed| sealed == "sealed")).unwrap(),
                )
                .unwrap();
            }
            collector.spool.set_aside(&*collector.spool.oldest().await, &[]).unwrap();
        }
        let (status, text) = ask(&collector).await;
        assert_eq!(status, StatusCode::OK);
        let told = "spool: ok; set aside since the start: 1, see the log; gone from the disk since the start: 1, see the log\n";
        assert!(text.starts_with(told), "{text}");
        let mut metrics = String::new();
        render(&collector, &mut metrics).unwrap();
        for line in ["kruimel_spool_quarantined_total 1", "kruimel_spool_lost_total 1"] {
            assert!(metrics.lines().any(|told| told == line), "{metrics}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_costs_the_answer_no_more_than_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = open(folder.path(), &format!("http://{}", silent.local_addr().unwrap()));
        let asked = Instant::now();
        let (status, text) = ask(&collector).await;
        assert!(asked.elapsed() <= STORE_TIME_MAX + Duration::from_millis(1));
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("store: away"), "{text}");
    }
}
