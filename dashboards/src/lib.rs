//! The analysts' pages and the query API on the admin listener. Reads ClickHouse, never writes it.
//!
//! # The path of a question
//!
//! An address such as `/?site=news&period=7d&is_source=Google` is parsed into an [`address::Address`], which is
//! everything a person can choose. Against the clock and the site's time zone it becomes a [`view::View`]: the two
//! instants that bound the period, its buckets, and the period it is compared with. From there each of
//! [`questions`] takes its [`questions::Scope`] and asks the [`store::Store`], which keeps the limits. The answers meet
//! in one [`overview::Overview`], and both the page and `GET /api/v1/overview` write down that one: they cannot
//! disagree.
//!
//! # How to add a question
//!
//! 1. Write the SQL in `queries/`, reading `FROM visits` (one row per visit, judged whole) or `FROM inside` (one row per
//!    event); only decisions and presence read a table themselves, and a test makes sure that each names its site.
//!    Values are bound parameters, `{name:Type}`; nothing is ever pasted in.
//! 2. Beside it in [`questions`] write the function: a row type with the columns' names, and `over_visits` or
//!    `over_events` with the file's text.
//! 3. If it splits by something, add a variant to [`dimension::Dimension`] and its column to `queries/visits.sql`; tabs
//!    stand in [`address::Panel`].
//! 4. Show it: a field in [`overview::Overview`], a template, the JSON, and its line in `api/openapi.json`.
//! 5. Prove it in `tests/numbers.rs`, which counts the same rows in Rust without any SQL.
//!
//! Invariant: there is no state. Two requests with the same address at the same moment give the same answer.

pub mod address;
pub mod api;
mod assets;
mod country;
pub mod dimension;
pub mod filter;
mod guard;
pub mod overview;
mod pages;
pub mod period;
pub mod questions;
pub mod series;
pub mod store;
pub mod text;
pub mod view;

pub use guard::{CONTENT_SECURITY_POLICY, guarded};

use address::Address;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;
use store::Store;

/// What the root package hands over.
pub struct Context {
    /// Where the numbers are, with `kruimel` as its database.
    pub client: clickhouse::Client,
    /// Every declared site, in the order of the menu. The first is shown unless another is chosen.
    pub sites: Vec<Site>,
    /// The clock.
    pub clock: fn() -> time::OffsetDateTime,
    /// The names that the admin listener answers to, as in the `Host` header.
    pub names: Vec<String>,
}

/// A declared site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The id, as in the column `site_id`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The IANA name of the time zone that its days are cut by. See [`knows_time_zone`].
    pub time_zone: String,
}

impl Site {
    /// The time zone. UTC if the name is not known, which [`router`] logs.
    pub(crate) fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }
}

/// Whether a name is a time zone that days can be cut by. For whoever checks the config.
pub fn knows_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// What every handler works with.
pub(crate) struct App {
    store: Store,
    sites: Vec<Site>,
    clock: fn() -> time::OffsetDateTime,
}

impl App {
    /// The site of that id. Addresses hold known ids only, and there is a nameless site if none is declared.
    pub(crate) fn site(&self, id: &str) -> &Site {
        self.sites.iter().find(|site| site.id == id).unwrap_or(&self.sites[0])
    }

    pub(crate) fn first_address(&self) -> Address {
        Address::of(&self.sites[0].id)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_nanosecond((self.clock)().unix_timestamp_nanos()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The pages and the API, behind [`guarded`]. `/healthz`, `/readyz` and `/metrics` are the root package's; it wraps them
/// with the same function.
pub fn router(context: Context) -> Router {
    let Context { client, mut sites, clock, names } = context;
    for site in sites.iter().filter(|site| !knows_time_zone(&site.time_zone)) {
        tracing::error!(
            site = site.id,
            zone = site.time_zone,
            "The time zone is not known; days are cut in UTC"
        );
    }
    if sites.is_empty() {
        let name = "No site is declared".to_owned();
        sites.push(Site { id: String::new(), name, time_zone: "UTC".to_owned() });
    }
    let app = Arc::new(App { store: Store::new(client), sites, clock });
    guarded(routes().with_state(app), names)
}

fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(pages::overview))
        .route("/details", get(pages::details))
        .route("/definitions", get(pages::definitions))
        .route("/theme", post(pages::choose_theme))
        .route("/assets/{name}", get(assets::serve))
        .route("/api/openapi.json", get(api::openapi))
        .route("/api/v1/sites", get(api::sites))
        .route("/api/v1/overview", get(api::overview))
        .route("/api/v1/query", post(api::query).layer(DefaultBodyLimit::max(api::QUERY_BYTES_MAX)))
        .route("/api/v1/series.csv", get(api::series_csv))
        .route("/api/v1/breakdown.csv", get(api::breakdown_csv))
        .route("/api/v1/decisions.csv", get(api::decisions_csv))
        .fallback(pages::not_found)
}
