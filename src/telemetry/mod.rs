//! OpenTelemetry, where the config names an endpoint: a span of each request, over OTLP.
//!
//! In: requests on their way to the routes. Out: spans to a collector of the owner's, and counts of them for `/metrics`.
//! Invariants: without an endpoint none of this is there; a span says which route was asked for, how, when and with what
//! status, and nothing of who asked, not even a path; no request waits for a span to be sent.

mod export;
mod request;

pub(crate) use request::{Observed, Observer};

use anyhow::{Context, Result};
use collector::config::TelemetryOptions;
use export::{Counts, Queue};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use std::fmt::{self, Write};
use std::sync::Arc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where an endpoint takes traces (OTLP/HTTP).
const TRACES: &str = "v1/traces";

/// What tells of requests.
pub(crate) struct Telemetry {
    tracer: SdkTracer,
    counts: Arc<Counts>,
    worker: TaskTracker,
    stop: CancellationToken,
}

impl Telemetry {
    /// Begins, if the config names an endpoint. Nothing is sent before there is a span.
    pub(crate) fn open(options: &TelemetryOptions) -> Result<Option<Telemetry>> {
        let Some(endpoint) = &options.endpoint else { return Ok(None) };
        let endpoint = format!("{}/{TRACES}", endpoint.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(export::EXPORT_TIME_MAX)
            .build()
            .context("telemetry.endpoint cannot be used")?;
        let service = [("service.name", "kruimel"), ("service.version", env!("CARGO_PKG_VERSION"))];
        // Not the detected one, which would name this machine and process.
        let resource = Resource::builder_empty()
            .with_attributes(service.map(|(key, value)| KeyValue::new(key, value)))
            .build();
        let (counts, stop) = (Arc::new(Counts::default()), CancellationToken::new());
        let (queue, spans) = Queue::new(Arc::clone(&counts));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(Sampler::TraceIdRatioBased(1.0 / f64::from(options.one_in)))
            .with_span_processor(queue)
            .build();
        let worker = TaskTracker::new();
        worker.spawn(export::run(spans, exporter, resource, Arc::clone(&counts), stop.clone()));
        worker.close();
        Ok(Some(Telemetry { tracer: provider.tracer("kruimel"), counts, worker, stop }))
    }

    /// What tells of requests to the public listener.
    pub(crate) fn of_public(&self, prefix: &str) -> Observer {
        Observer::public(self.tracer.clone(), prefix)
    }

    /// What tells of requests to the admin listener.
    pub(crate) fn of_admin(&self) -> Observer {
        Observer::admin(self.tracer.clone())
    }

    /// What became of the spans, in Prometheus' text format.
    pub(crate) fn render(&self, out: &mut String) -> fmt::Result {
        let name = "kruimel_telemetry_spans_total";
        writeln!(out, "# HELP {name} Spans of requests, by what became of them.\n# TYPE {name} counter")?;
        for (outcome, count) in [("exported", self.counts.exported()), ("dropped", self.counts.dropped())] {
            writeln!(out, "{name}{{outcome=\"{outcome}\"}} {count}")?;
        }
        Ok(())
    }

    /// Sends what waits, for a bounded time.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        if timeout(export::CLOSE_TIME_MAX, self.worker.wait()).await.is_err() {
            tracing::warn!("The endpoint of telemetry did not take the last traces in time.");
        }
    }
}
