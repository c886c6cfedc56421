//! The collector: browser in, ClickHouse out.
//!
//! # The path of one event
//!
//! 1. [`http`] takes `POST /kruimel/events`, reads the clock once, and works out the sender's address from trusted
//!    proxies as a [`pipeline::ClientIp`], which can only be truncated.
//! 2. [`pipeline::process`] runs the pure steps: [`pipeline::parse`] gives [`pipeline::RawEvent`]s;
//!    [`pipeline::admit`] checks the [`receipt::LiveReceipt`] against the keys and [`withdrawn::Withdrawn`] and mints
//!    [`pipeline::Grants`]; [`pipeline::enrich`] adds place, device and source as far as they were granted; and
//!    [`pipeline::EventRow`] is the row, encoded for good.
//! 3. [`spool::Spool::append`] writes the rows to a segment with their batch id and returns once they are on disk. Only
//!    then does the browser get its 202. A batch that comes again gets the same answer and is not written again.
//! 4. [`store::Store`] drains each sealed segment into ClickHouse with one insert a table, asks the store first where the
//!    outcome of an insert is unknown, and erases the rows of consents that were withdrawn.
//!
//! A decision takes the same way: [`http::consent`] turns it into a [`ledger::LedgerRow`], spools that, and answers with
//! the signed receipt or the refusal.
//!
//! Invariant: `pipeline` does no I/O and imports neither `http`, `spool` nor `store`.

pub mod config;
pub mod declaration;
pub mod displays;
#[doc(hidden)]
pub mod fuzz;
pub mod geography;
pub mod http;
pub mod keys;
pub mod ledger;
pub mod metrics;
pub mod pipeline;
pub mod receipt;
pub mod row_binary;
pub mod spool;
pub mod store;
pub mod withdrawn;

mod collector;

pub use collector::{Collector, StartError, keys_path, now_ms, spool_path};
