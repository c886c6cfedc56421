//! From the end of a span to the collector that it is told to.
//!
//! In: spans. Out: requests to the endpoint, one at a time. Invariants: the queue and what is sent at once are bounded;
//! whoever ends a span never waits; every span ends in exactly one counter.

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Most spans that wait; further ones are dropped.
const SPANS_WAITING_MAX: usize = 2_048;
/// Most spans in one request to the endpoint.
const SPANS_SENT_MAX: usize = 512;
/// How long spans are gathered before they are sent.
const GATHER_TIME: Duration = Duration::from_millis(200);
/// Longest wait for the endpoint to take one request; then its spans are dropped.
pub(super) const EXPORT_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the endpoint at a stop.
pub(super) const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

/// What became of spans.
#[derive(Debug, Default)]
pub(super) struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// Spans that the endpoint took.
    pub(super) fn exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    /// Spans that found no room, or that the endpoint did not take.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Where spans go when they end.
#[derive(Debug)]
pub(super) struct Queue {
    spans: Sender<SpanData>,
    counts: Arc<Counts>,
}

impl Queue {
    pub(super) fn new(counts: Arc<Counts>) -> (Queue, Receiver<SpanData>) {
        let (spans, waiting) = channel(SPANS_WAITING_MAX);
        (Queue { spans, counts }, waiting)
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _time: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends spans until told to stop and nothing waits any more.
pub(super) async fn run(
    mut spans: Receiver<SpanData>,
    mut exporter: SpanExporter,
    resource: Resource,
    counts: Arc<Counts>,
    stop: CancellationToken,
) {
    exporter.set_resource(&resource);
    let mut away = false;
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            _ = spans.recv_many(&mut batch, SPANS_SENT_MAX) => {}
            () = stop.cancelled(), if !spans.is_closed() => spans.close(),
        }
        if batch.is_empty() && spans.is_closed() && spans.is_empty() {
            return;
        }
        if batch.len() < SPANS_SENT_MAX {
            tokio::select! {
                () = sleep(GATHER_TIME) => {}
                () = stop.cancelled() => {}
            }
        }
        while batch.len() < SPANS_SENT_MAX
            && let Ok(span) = spans.try_recv()
        {
            batch.push(span);
        }
        let number = batch.len() as u64;
        let sent = match timeout(EXPORT_TIME_MAX, exporter.export(batch)).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", EXPORT_TIME_MAX.as_secs())),
        };
        let counter = if sent.is_ok() { &counts.exported } else { &counts.dropped };
        counter.fetch_add(number, Ordering::Relaxed);
        tell(sent, &mut away);
    }
}

/// Says once that the endpoint is away, and once that it is back.
fn tell(sent: Result<(), String>, away: &mut bool) {
    match sent {
        Ok(()) if *away => tracing::info!("The endpoint of telemetry takes traces again."),
        Err(error) if !*away => {
            tracing::warn!(error, "The endpoint of telemetry takes no traces; they are dropped and counted.");
        }
        _ => return,
    }
    *away = !*away;
}
