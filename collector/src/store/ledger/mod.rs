//! What an owner asks of the ledger in the store: is it whole, what are its heads, what did a decision see, how many
//! said what; and what visitors had erased is taken out of it.
//!
//! In: questions of the command line and of the admin listener. Out: answers; nothing but [`erase`] and [`aside`] writes. Days are UTC.

mod aside;
mod counts;
mod erase;
mod show;
mod verify;

pub(crate) use erase::{Erased, Replaced, erase_too};

pub use counts::{Counts, DecisionCount, DisplayCount};
pub use show::{SHOWN_MAX, Shown, ShownRow};
pub use verify::{Finding, Head, Verified};

/// The condition on `site_id` that narrows a question to one site.
fn of_site(site: Option<&str>) -> &'static str {
    if site.is_some() { "site_id = ?" } else { "? = ''" }
}
