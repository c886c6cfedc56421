//! The rows of one segment for one table into the store, exactly once, whatever is known of earlier tries.
//!
//! In: an insert, and what is known of it. Out: a store that holds exactly its rows. Invariant: they are inserted without a
//! question only if this process has never tried before and no earlier run can have. After any other beginning the store is
//! asked what it holds: all of it is done, nothing is inserted, a part is removed first (but for whole parts of a segment
//! that takes several inserts: those that follow are added); and after that insert it is asked again.

use super::insert::{Insert, layout};
use super::job::Known;
use super::{Store, StoreError};
use crate::spool::Table;

/// Most tries to make the store hold exactly a segment before the segment is left for later.
const REPAIRS_MAX: u32 = 5;
/// ClickHouse's codes for rows that cannot be read: these lie in the rows, and another try changes nothing.
/// 128 and 131 are a list or a text that would be too long: what stands where its length belongs is none.
const UNREADABLE: [&str; 7] =
    ["Code: 6.", "Code: 27.", "Code: 32.", "Code: 33.", "Code: 117.", "Code: 128.", "Code: 131."];
/// The same code of an insert that is too large as a whole, for which no row can be blamed.
pub(super) const TOO_LARGE_AS_A_WHOLE: &str = "The data is larger than";

/// What became of the inserts of one try.
#[derive(Default)]
pub(super) struct Sent {
    /// Rows went in.
    pub(super) taken: bool,
    /// The try ended with rows that did not.
    pub(super) refused: bool,
}

impl Sent {
    fn was<T>(&mut self, sent: Result<T, StoreError>) -> Result<T, StoreError> {
        (self.taken, self.refused) = (self.taken || sent.is_ok(), sent.is_err());
        sent
    }
}

/// Why the number of rows that the store holds may not tell which of them it holds.
#[derive(Clone, Copy)]
pub(super) struct Doubt<'a> {
    /// Records were damaged: the store may hold more than the segment does.
    pub(super) salvaged: bool,
    /// Whether a receipt that allowed some of them has died since they were gathered: what is missing may have been erased,
    /// and nothing is removed or added for it.
    pub(super) is_stale: &'a (dyn Fn() -> bool + Sync),
}

impl Store {
    /// Makes the store hold exactly these rows, starting from what is known and with that doubt about what it holds.
    pub(super) async fn settle(
        &self,
        insert: &Insert,
        known: &mut Known,
        Doubt { salvaged, is_stale }: Doubt<'_>,
        sent: &mut Sent,
    ) -> Result<(), StoreError> {
        if insert.expected == 0 {
            // What the store may hold of dead receipts is erased, not removed here.
            *known = Known::Held;
        }
        let mut stable = true;
        for _ in 0..REPAIRS_MAX {
            match known {
                Known::Held | Known::Refused => return Ok(()),
                Known::Absent => {
                    *known = Known::Nothing;
                    sent.was(self.insert(insert, 0, &insert.stable_token()).await)?;
                    *known = Known::Held;
                }
                Known::Nothing => {
                    let held = self.held(insert).await?;
                    if held == insert.expected || (salvaged && held > insert.expected) {
                        *known = Known::Held;
                        continue;
                    }
                    if held != 0 && (is_stale() || self.held(insert).await? != held) {
                        return Err(StoreError::Stale { table: layout(insert.table).table });
                    }
                    // After damage the parts are others than they were, and what is held tells nothing of them.
                    let parts = insert.parts_held(held).filter(|_| stable && !salvaged).unwrap_or(0);
                    if held != 0 && parts == 0 {
                        tracing::warn!(
                            table = layout(insert.table).table,
                            held,
                            expected = insert.expected,
                            "The store holds a part of a segment; it is removed and inserted again."
                        );
                        self.remove(insert).await?;
                        stable = false;
                    }
                    // The first try uses the stable token, so that an insert which is still under way and this one
                    // cannot both succeed. If the store drops it because it remembers the token of rows that are gone,
                    // the question that follows shows it.
                    let token = if stable { insert.stable_token() } else { insert.further_token()? };
                    stable = false;
                    sent.was(self.insert(insert, parts, &token).await)?;
                }
            }
        }
        match known {
            Known::Held | Known::Refused => Ok(()),
            Known::Absent | Known::Nothing => {
                sent.was(Err(StoreError::Unsettled { table: layout(insert.table).table }))
            }
        }
    }

    /// Whether the rows are at fault: the store says that it cannot read them, and takes the same layout without rows.
    pub(super) async fn is_refusal(&self, error: &StoreError, table: Table) -> bool {
        is_unreadable(error) && self.takes_layout(table).await
    }
}

/// Whether the store says that it cannot read the rows.
pub(super) fn is_unreadable(error: &StoreError) -> bool {
    matches!(error, StoreError::Client(clickhouse::error::Error::BadResponse(text))
        if UNREADABLE.iter().any(|code| text.starts_with(code)) && !text.contains(TOO_LARGE_AS_A_WHOLE))
}
