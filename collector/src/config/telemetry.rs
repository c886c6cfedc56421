//! `[telemetry]`: where traces of requests go, if anywhere.
//!
//! In: the section. Out: [`TelemetryOptions`]. Invariant: without an endpoint nothing is told to anybody.

use super::error::Problem;
use super::reader::Section;

/// Where traces of requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryOptions {
    /// An OpenTelemetry collector that takes OTLP over HTTP; without one nothing is told.
    pub endpoint: Option<url::Url>,
    /// One request of so many is told.
    pub one_in: u32,
}

impl Default for TelemetryOptions {
    fn default() -> Self {
        TelemetryOptions { endpoint: None, one_in: 1 }
    }
}

pub(super) fn read(section: &Section<'_>) -> TelemetryOptions {
    let one_in = section.get("one_in", |node| node.number(1..=1_000_000));
    TelemetryOptions {
        endpoint: section.get("endpoint", |node| endpoint(node.text()?)),
        one_in: one_in.and_then(|number| u32::try_from(number).ok()).unwrap_or(1),
    }
}

fn endpoint(text: &str) -> Result<url::Url, Problem> {
    let problem = |wrong: &str, mend: &str| Problem::new(wrong, mend);
    let mend = "Write the address of a collector, such as \"http://127.0.0.1:4318\".";
    let url = url::Url::parse(text).map_err(|_| problem("This is not the address of a collector.", mend))?;
    if url.scheme() == "https" {
        return Err(problem(
            "Traces are not sent over TLS.",
            "Run an OpenTelemetry collector on this machine or network, and let it pass them on.",
        ));
    }
    if url.scheme() != "http" || !url.has_host() || url.query().is_some() || url.fragment().is_some() {
        return Err(problem("This is not the address of a collector.", mend));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem("Name and password in an address end in logs.", mend));
    }
    Ok(url)
}
