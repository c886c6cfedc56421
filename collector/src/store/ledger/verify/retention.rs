//! What may be gone because its time is over.
//!
//! In: today, and links. Out: whether a link, its row or a whole chain may be missing. Links of the second format name
//! these days, which are in the hashes: nobody can set one to another day without computing the chain anew.
//!
//! Those of the first format say them in a column alone, each link its own, and went one by one. For how long a link was
//! kept that is gone, nothing says: the links that were kept as long have gone with it. So it was taken out for certain
//! where no config could let it go yet, and where links before and after it in its chain are kept for longer, because the
//! config of a chain is one (unless it was changed twice that day). Elsewhere it is [`Missing::Unproven`].

use super::Link;
use crate::ledger::Kind;
use crate::withdrawn::DEAD_DAYS;
use time::Date;

/// How much longer than its row a link of the first format is kept, in days.
const LINK_DAYS: u16 = 31;
/// The shortest month, which is the least that a config can ask for (`ledger_months`).
const ROW_DAYS_MIN: u16 = 28;
/// A server east of Greenwich begins its day earlier, and lets go what ends on it.
const DAYS_AHEAD: u16 = 1;

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Its time is over.
    Over,
    /// Its time may be over, and nothing says whether it is.
    Unproven,
    /// Its time is not over.
    Removed,
}

pub(super) struct Retention {
    today: u16,
}

impl Retention {
    pub(super) fn of(today: u16) -> Retention {
        Retention { today }
    }

    /// Whether what is kept until that day may be gone.
    pub(super) fn is_over(&self, expires: u16) -> bool {
        expires <= self.today.saturating_add(DAYS_AHEAD)
    }

    /// Why something may be gone that is kept until that day.
    pub(super) fn missing(&self, expires: u16) -> Missing {
        if self.is_over(expires) { Missing::Over } else { Missing::Removed }
    }

    /// The same of links of the first format of that day, of which no neighbour tells.
    pub(super) fn missing_of_first_format(&self, day: u16) -> Missing {
        let least = day.saturating_add(ROW_DAYS_MIN + LINK_DAYS);
        if self.is_over(least) { Missing::Unproven } else { Missing::Removed }
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

    /// Why links are missing between those `before` and those `after` them, of which there is one, in a chain of that day.
    pub(super) fn between(&self, before: &[Link], after: &[Link], day: u16) -> Missing {
        let Some(next) = after.first() else { return Missing::Over };
        if next.row_expires != 0 {
            return self.missing(next.expires);
        }
        let erasure_expires = day.saturating_add(DEAD_DAYS + LINK_DAYS);
        let is_hourly = next.kind == Kind::Hourly.name();
        // An erasure is kept for as long on every site, and tells nothing of what stood beside it.
        let tells = |links: &[Link]| links.iter().any(|link| !is_hourly || link.expires != erasure_expires);
        let can_be_erasure = is_hourly && self.is_over(erasure_expires);
        match tells(before) && tells(after) && !can_be_erasure {
            true => Missing::Removed,
            false => self.missing_of_first_format(day),
        }
    }
}

/// The day, counted from 1970, of a text such as `2026-11-28`.
pub(super) fn day(text: &str) -> Option<u16> {
    let date = Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
    u16::try_from((date - time::macros::date!(1970 - 01 - 01)).whole_days()).ok()
}
