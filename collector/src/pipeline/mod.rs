//! The path of a batch from bytes to rows, in the order of the steps. Read this folder to know what happens to an event.
//!
//! In: the body, the truncated address it came from, the two cookies, a clock reading and read-only tables. Out: rows that may be
//! stored, or the one reason why not. No I/O, no `async`, no clock; it imports neither `http`, `spool` nor `store`.
//!
//! Invariant: a row exists only behind [`Grants`], which only [`admit`] mints, and holds no more of the address than
//! [`TruncatedIp`].

mod agent;
mod bot;
mod consent;
mod device;
mod enrich;
mod geo;
mod network;
mod page;
mod parse;
mod rejection;
mod row;
mod source;
mod time_zone;

pub use agent::{Agent, Agents};
pub use consent::{ADVERTISING, ANALYTICS, Admitted, ConsentedEvent, Credentials, Grants, admit, live};
pub use device::Device;
pub use enrich::{EnrichedEvent, Surroundings, enrich, surroundings};
pub use geo::{Geo, GeoError, Place, PlaceFrom};
pub use network::{ClientIp, TruncatedIp};
pub(crate) use network::{IPV4_PREFIX_BITS, IPV6_PREFIX_BITS};
pub use page::PageText;
pub(crate) use page::is_host;
pub use parse::{RawBatch, RawEvent, parse};
pub use rejection::Rejection;
pub(crate) use row::day_after_months;
pub use row::{EVENTS, EventRow};
pub use source::Source;
pub(crate) use time_zone::is_time_zone;

use crate::config::Site;
use crate::receipt::{Keys, VisitorCookie};
use crate::row_binary::Rows;
use wire::{BatchId, HexId, RejectedEvent};

/// One request as the listener hands it over.
pub struct Request<'a> {
    /// The body of `POST /kruimel/events`.
    pub body: &'a [u8],
    /// What the listener left of the address that it came from.
    pub address: TruncatedIp,
    /// The `User-Agent` header, or an empty text.
    pub user_agent: &'a str,
    /// The cookies that came with it.
    pub credentials: Credentials<'a>,
    /// Milliseconds since 1970, read once when the request arrived.
    pub now_ms: i64,
    /// Whether the rows are generated history.
    pub sample: bool,
}

/// What the steps look things up in.
pub struct Tables<'a> {
    /// Every site of the config.
    pub sites: &'a [Site],
    /// The keys that receipts are signed with.
    pub keys: &'a Keys,
    /// Whether the receipt of that id was withdrawn.
    pub is_dead: &'a (dyn Fn(HexId) -> bool + Sync),
    /// The owner's geography, if there is one.
    pub geo: Option<&'a Geo>,
    /// The user agents that came of late.
    pub agents: &'a Agents,
}

/// What became of a batch.
pub struct Processed {
    /// The id that its retries carry too.
    pub batch: BatchId,
    /// Of a retry, the visitor that a first try without a visitor's cookie was given.
    pub retry: Option<HexId>,
    /// The site it belongs to, as in the config.
    pub site: String,
    /// The receipt that allowed it.
    pub consent_id: HexId,
    /// Rows to store, encoded for the layout [`EVENTS`].
    pub rows: Rows,
    /// Events that were not taken, each with its reason.
    pub rejected: Vec<(RejectedEvent, Rejection)>,
    /// A visitor cookie to set, where the request brought none that holds.
    pub new_visitor: Option<VisitorCookie>,
    /// How long the receipt holds yet; the visitor's id lives no longer.
    pub receipt_seconds: i64,
    /// Whether it ends with the browser's session, and the visitor's id with it.
    pub session: bool,
}

/// Why nothing of a batch may be stored, with what the counters need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// The one reason.
    pub reason: Rejection,
    /// The declared site that the batch named, or an empty text.
    pub site: String,
    /// How many events it held; one where that cannot be known.
    pub events: usize,
}

/// Turns a request into rows.
///
/// # Errors
/// [`Refused`]. Events that are refused one by one are listed in [`Processed::rejected`] instead.
pub fn process(request: &Request<'_>, tables: &Tables<'_>) -> Result<Processed, Refused> {
    let raw = parse(request.body).map_err(|reason| Refused { reason, site: String::new(), events: 1 })?;
    let declared = tables.sites.iter().find(|site| site.id.as_str() == raw.site);
    let refused = |reason| Refused {
        reason,
        site: declared.map_or_else(String::new, |site| site.id.as_str().to_owned()),
        events: raw.events.len(),
    };
    let site = page::check(&raw, declared).map_err(refused)?;
    let agent = tables.agents.read(request.user_agent);
    agent.person.map_err(refused)?;
    let admitted = admit(&raw, site, &request.credentials, request.now_ms, tables).map_err(refused)?;
    let around = surroundings(&raw, site, &admitted, request.address, &agent, tables.geo);

    let mut rows = Rows::around(row::columns_of(&around, &raw.page.host), raw.events.len());
    let mut rejected = Vec::new();
    for (index, event) in raw.events().enumerate() {
        match admitted.event(event) {
            Ok(consented) => {
                let enriched = enrich(consented, &around);
                EventRow::new(&enriched, site, request.now_ms, request.sample).encode(&mut rows);
            }
            Err(reason) => {
                let told = RejectedEvent { index: index as u32, reason: reason.label().to_owned() };
                rejected.push((told, reason));
            }
        }
    }
    Ok(Processed {
        batch: raw.batch,
        retry: raw.retry.then(|| admitted.first_visitor(&raw, request.now_ms, tables)),
        site: site.id.as_str().to_owned(),
        consent_id: admitted.consent_id(),
        rows,
        rejected,
        receipt_seconds: admitted.receipt_seconds(request.now_ms),
        session: admitted.is_of_session(),
        new_visitor: admitted.into_new_visitor(),
    })
}

#[cfg(test)]
mod tests;
