//! What may be gone because its time is over.
//!
//! In: today, and a site's chains. Out: whether a link, its row or a whole chain may be missing. Links of the second
//! format name these days, which are in the hashes: nobody can set one to another day without computing the chain anew.
//! Those of the first format say them in a column alone, each link its own; that is believed within what a config allows,
//! and what is missing among them is let pass only once it can be over: after the shortest time for which any chain of the
//! site was kept, and among rows of hours once an erasure can be ([`DEAD_DAYS`]).

use super::Link;
use super::formers::Chain;
use crate::ledger::Kind;
use crate::withdrawn::DEAD_DAYS;
use time::Date;

/// How much longer than its row a link of the first format is kept, in days.
const LINK_DAYS: u16 = 31;
/// The shortest month, which is the least that a config can ask for (`ledger_months`).
const ROW_DAYS_MIN: u16 = 28;
/// A server east of Greenwich begins its day earlier, and lets go what ends on it.
const DAYS_AHEAD: u16 = 1;

pub(super) struct Retention {
    today: u16,
    /// The shortest time for which a chain of the first format is kept, in days.
    shortest: u16,
}

impl Retention {
    pub(super) fn of(today: u16, chains: &[Chain]) -> Retention {
        let kept = |chain: &Chain| chain.expires.saturating_sub(chain.day);
        let shortest = chains.iter().filter(|chain| chain.is_first_format()).map(kept).min();
        Retention { today, shortest: shortest.unwrap_or(u16::MAX).max(ROW_DAYS_MIN + LINK_DAYS) }
    }

    /// Whether what is kept until that day may be gone.
    pub(super) fn is_over(&self, expires: u16) -> bool {
        expires <= self.today.saturating_add(DAYS_AHEAD)
    }

    /// Whether the row of a link may be gone.
    pub(super) fn row_is_over(&self, link: &Link, day: u16) -> bool {
        match link.row_expires {
            0 => {
                let told = link.expires.saturating_sub(LINK_DAYS);
                self.is_over(told.max(day.saturating_add(ROW_DAYS_MIN)))
            }
            row_expires => self.is_over(row_expires),
        }
    }

    /// Whether links of a chain may be gone that has this one.
    pub(super) fn links_are_over(&self, link: &Link, day: u16) -> bool {
        match link.row_expires {
            0 => self.first_format_is_over(&link.kind, day),
            _ => self.is_over(link.expires),
        }
    }

    /// Whether some link of the first format may be gone that a chain of that day had.
    pub(super) fn first_format_is_over(&self, kind: &str, day: u16) -> bool {
        let erasure = if kind == Kind::Hourly.name() { DEAD_DAYS + LINK_DAYS } else { u16::MAX };
        self.is_over(day.saturating_add(self.shortest.min(erasure)))
    }
}

/// The day, counted from 1970, of a text such as `2026-11-28`.
pub(super) fn day(text: &str) -> Option<u16> {
    let date = Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
    u16::try_from((date - time::macros::date!(1970 - 01 - 01)).whole_days()).ok()
}
