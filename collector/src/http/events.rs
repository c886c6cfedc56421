//! `POST /kruimel/events`: a batch in, 202 once its rows are on disk.

use super::answer::{is_text_or_json, json, refuse};
use super::body::Timed;
use super::cookie::{self, Jar, Lasts};
use super::finished::Finished;
use super::front::{RequestId, refuse_early};
use super::limits::Sender;
use super::{origin, unkept};
use crate::Collector;
use crate::config::Site;
use crate::pipeline::{self, Credentials, Processed, Refused, Rejection, TruncatedIp, process};
use crate::receipt::{VISITOR_SECONDS_MAX, receipt_id};
use crate::row_binary::Rows;
use crate::spool::{Appended, Record, Table};
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use bytes::Bytes;
use std::sync::Arc;
use wire::BatchAnswer;
use wire::limits::BATCH_BYTES_MAX;

/// How long a batch can have been under way when its receipt was withdrawn, in milliseconds.
const JUST_WITHDRAWN_MS: u64 = 60_000;

/// Takes a batch.
pub(super) async fn events(
    collector: &Arc<Collector>,
    request: Request<Timed>,
    sender: Sender,
    address: TruncatedIp,
    id: RequestId,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let headers = head.headers;
    let host = origin::host(&headers);
    let site = collector.config.site_of_host(host);
    let name = site.map_or("", |site| site.id.as_str());
    let now_ms = (collector.clock)();
    match sender.batch(collector, name) {
        Ok(None) => {}
        Ok(Some(rush)) => rush.wait(&collector.limits.held).await,
        Err(reason) => return refuse_early(collector, &headers, name, reason),
    }
    let page = Page { headers: &headers, host };
    let mut answer = match take(collector, page, body, address, now_ms, id).await {
        Ok(answer) => answer,
        Err(reason) => refused(collector, site, &headers, reason, now_ms),
    };
    origin::allow_if(site.is_some(), &headers, &mut answer);
    answer
}

/// What the page's browser sent beside the batch.
#[derive(Clone, Copy)]
struct Page<'a> {
    headers: &'a HeaderMap,
    /// As [`origin::host`] reads it.
    host: &'a str,
}

async fn take(
    collector: &Arc<Collector>,
    page: Page<'_>,
    body: Timed,
    address: TruncatedIp,
    now_ms: i64,
    id: RequestId,
) -> Result<Response<Body>, Rejection> {
    let mut processed = read(page.headers, body)
        .await
        .map_err(|reason| Refused { reason, site: String::new(), events: 1 })
        .and_then(|body| process_body(collector, address, page, &body, now_ms))
        .map_err(|refused| {
            let host = if refused.reason == Rejection::ForeignOrigin { page.host } else { "" };
            collector.outcomes.rejected(&refused.site, refused.reason, host, refused.events, now_ms);
            refused.reason
        })?;
    for (_, reason) in &processed.rejected {
        collector.outcomes.rejected(&processed.site, *reason, "", 1, now_ms);
    }
    let accepted = processed.rows.len();
    if accepted > 0 {
        let rows = std::mem::take(&mut processed.rows);
        keep(collector, &processed, rows, now_ms, id).await?;
    }
    Ok(taken(collector, page.headers, processed, accepted, now_ms))
}

async fn read(headers: &HeaderMap, body: Timed) -> Result<Bytes, Rejection> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The body is read all the same: whoever closes with unread bytes takes the answer back.
    let body = body.read(BATCH_BYTES_MAX).await;
    if is_text_or_json(kind) { body } else { Err(Rejection::UnsupportedMedia) }
}

fn process_body(
    collector: &Collector,
    address: TruncatedIp,
    Page { headers, host }: Page<'_>,
    body: &[u8],
    now_ms: i64,
) -> Result<Processed, Refused> {
    let (consent, visitor) = cookie::credentials(headers);
    let user_agent =
        headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let request = pipeline::Request {
        body,
        address,
        user_agent,
        credentials: Credentials { consent: consent.as_deref(), visitor: visitor.as_deref() },
        now_ms,
        sample: false,
    };
    let processed = collector.with_tables(|tables| process(&request, tables))?;
    let events = processed.rows.len() + processed.rejected.len();
    let checked = match collector.site(&processed.site) {
        Some(site) => origin::check_host(host, headers, site),
        None => Err(Rejection::UnknownSite),
    };
    match checked {
        Ok(()) => Ok(processed),
        Err(reason) => Err(Refused { reason, site: processed.site, events }),
    }
}

/// Waits until the rows are on disk, and counts what became of them: also when the browser hangs up before that.
async fn keep(
    collector: &Arc<Collector>,
    processed: &Processed,
    rows: Rows,
    now_ms: i64,
    id: RequestId,
) -> Result<(), Rejection> {
    let events = rows.len();
    let record = Record {
        batch: Some(processed.batch),
        retry: processed.retry,
        consent_id: processed.consent_id.0,
        ..Record::of(Table::Events, rows)
    };
    let (collector, site) = (Arc::clone(collector), processed.site.clone());
    collector.outcomes.received(events);
    Finished::whatever_comes(async move {
        match collector.spool.append(record).await {
            Ok(Appended::Fresh) => collector.outcomes.accepted(events),
            Ok(Appended::Repeated) => collector.outcomes.repeated(events),
            Err(error) => {
                unkept::batch(error, id, now_ms);
                collector.outcomes.put_off(&site, Rejection::Unavailable, events, now_ms);
                return Err(Rejection::Unavailable);
            }
        }
        Ok(())
    })
    .await
}

fn taken(
    collector: &Collector,
    headers: &HeaderMap,
    processed: Processed,
    accepted: usize,
    now_ms: i64,
) -> Response<Body> {
    let accepted = accepted as u32;
    let rejected = processed.rejected.into_iter().map(|(told, _)| told).collect();
    let body = serde_json::to_string(&BatchAnswer { accepted, rejected })
        .expect("numbers and texts are always JSON");
    let status = if accepted > 0 { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY };
    let mut answer = json(status, body);
    if let Some(visitor) = processed.new_visitor.filter(|_| accepted > 0) {
        let lasts = match processed.session {
            true => Lasts::Session,
            false => Lasts::Seconds(processed.receipt_seconds.min(VISITOR_SECONDS_MAX)),
        };
        let value = visitor.sign(&processed.site, now_ms, &collector.keys);
        for set in Jar::of(headers, collector.site(&processed.site)).set(cookie::VISITOR, &value, lasts) {
            answer.headers_mut().append(header::SET_COOKIE, set);
        }
    }
    answer
}

/// The answer to a receipt that is none: it goes, with the ids that it allowed.
pub(crate) fn refused(
    collector: &Collector,
    site: Option<&Site>,
    headers: &HeaderMap,
    reason: Rejection,
    now_ms: i64,
) -> Response<Body> {
    let mut answer = refuse(reason);
    if reason.ends_consent() && !just_withdrawn(collector, headers, now_ms) {
        let jar = Jar::of(headers, site);
        let names = [cookie::CONSENT, cookie::VISITOR, cookie::VISIT];
        for expired in names.into_iter().flat_map(|name| jar.expire(name)) {
            answer.headers_mut().append(header::SET_COOKIE, expired);
        }
    }
    answer
}

/// Whether the receipt that came along died a moment ago: then a newer choice may be in the cookie's place by now, and
/// expiring the cookie would take that away.
fn just_withdrawn(collector: &Collector, headers: &HeaderMap, now_ms: i64) -> bool {
    let id = cookie::read(headers, cookie::CONSENT).and_then(|text| receipt_id(&text));
    let moment_ago = u64::try_from(now_ms).unwrap_or(0).saturating_sub(JUST_WITHDRAWN_MS);
    id.is_some_and(|id| collector.withdrawn.has_died_since(id.0, moment_ago))
}
