//! The consent ledger: one row per decision, appended and never changed, in chains that show it where a row was.
//!
//! In: decisions. Out: rows of `consents`, each with a link in `ledger_chain`, both in one record of the spool, so that
//! one is never on disk without the other; and the artefacts that say what the visitor saw ([`Artefacts`]).
//!
//! # The chain
//!
//! All hashes are SHA-256, written as hexadecimal digits; their input is text, its parts separated by line feeds, so
//! that anybody can compute them again (ClickHouse too).
//!
//! ```text
//! commitment = H("kruimel ledger row 1", salt, content)
//! start      = H("kruimel ledger chain 2", chain, collector, site, kind, day, expires, former, former_expires)
//! link       = H("kruimel ledger link 2", previous link or start, chain, seq, row_expires, commitment)
//! ```
//!
//! * `content` is the row as JSON without white space, its members in the order of [`Content`]. `segment_id`, `sample`
//!   and `expires` are about the row and not in it.
//! * Days are written as `2026-11-28`, and as nothing where there is none. `row_expires` is the day on which the row may
//!   be let go, `expires` that of the links, one for the whole chain, and `former_expires` that of the chain before. So
//!   what may be missing, and from when, cannot be set to another day without computing the chain anew. A retention that
//!   the config changes counts from then on; who lets rows go before the day that was written takes them out.
//! * Links whose `row_expires` is no day are of the first format: `H("kruimel ledger chain 1", chain, collector, site, kind,
//!   day, former)` and `H("kruimel ledger link 1", previous link or start, chain, seq, commitment)`. Their days stand in a
//!   column alone, each link its own.
//! * `salt` is random, of 128 bits, and stands in the row alone. So a commitment tells nothing about a row that is
//!   gone: a row can be deleted lawfully (its time is over, its visitor asks) and the chain still holds.
//! * A chain is of one collector (a random id in its data folder), one site, one day (UTC) and one kind, and has a random
//!   id. It begins anew with each start of the collector and each day, and names the head of the one before (`former`),
//!   so that a whole chain that was taken out is missed. It also begins anew with a row that is kept longer than the chain.
//! * There are two kinds. A refusal keeps no time finer than the hour; in one chain with rows that keep the second its
//!   place would tell the second too. So rows with an hour (`hourly`) and rows with a second (`timed`) have chains of
//!   their own.
//!
//! # What it promises, and what not
//!
//! A row that was changed, added, moved or taken out shows in `kruimel ledger verify`, as long as whoever did it did not
//! compute the rest of the chain anew. Against that, keep the heads (`kruimel ledger heads`) where the store's
//! administrators cannot write, or have them time-stamped: what is then computed anew does not lead to the same heads.
//! Up to these heads every link is held: none can be changed, added or taken out before its time, and of each row it is
//! held what it said while it is there.
//!
//! Not held, with heads or without:
//!
//! * The last links of the newest chain, with their rows, until its head was kept or a further chain names it.
//! * That a row which is missing had to go: its visitor can have had it erased, and `ledger_erased`, which says so, is a
//!   table like any other. Who can write there can erase a row and note it. `verify` counts such rows.
//! * That a row or link which is noted in `ledger_aside` is on its collector's disk: that is a table like any other too.
//!   `verify` counts what such notes explain. They do not explain that a chain is gone whose head was kept, or that head.
//! * How much stood before a link that is noted in `ledger_aside`, while no head of its chain was kept: what comes next is
//!   held to the hash in the note, which nobody can compute anew. `verify` notes each chain that goes on from one.
//! * Rows whose `chain` is 0: from before there were chains, and samples. Anybody who can write can add, change and remove
//!   them. `verify` counts them.
//! * In chains of the first format, links that can be over: from 59 days after their day, unless links before and after
//!   them in the chain are there and no erasure may have stood between. `verify` says of such that nobody can tell. A row
//!   of these from that day on which its link's column says. The oldest of them may name a chain that nobody finds.
//!
//! Places in a chain are given in order by one turn at a time ([`Ledger`]), and only a record that is on disk moves the
//! chain on: a full disk or a crash leaves no gap. After a crash or the restore of an older data folder, a chain may go
//! on from a link that was not the last; `verify` notes it and counts it as no damage, because nothing is missing.
//!
//! # Invariant
//!
//! A refusal's row holds site, hour, action, revision and the hash of the texts, and nothing about the person:
//! [`LedgerRow::refusal`] takes nothing else. Who withdraws was known; that row names the consent that it ends.

mod append;
mod artefact;
mod chain;
mod erasure;
mod place;
mod row;

pub use append::{Ledger, LedgerError};
pub use artefact::{ARTEFACT_BYTES_MAX, ARTEFACTS_MAX, Artefact, Artefacts, ArtefactsError, UNSEEN_TIME};
pub use chain::{Kind, LINKS, Start, commitment, next_link};
pub(crate) use chain::{date, lacking};
pub(crate) use erasure::{bare_links, ended_by, erased_rows, links_left, replaced_by, without_erased};
pub(crate) use place::{Place, places};
pub use row::{CONSENTS, Content, DECISIONS, ERASE, LedgerRow, Seen};

use std::fmt::Write;

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a String takes what is written to it");
        out
    })
}
