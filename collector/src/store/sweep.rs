//! Withdrawals, carried out on what lies on the spool's disk: segments that wait for the store, and the quarantine.
//!
//! In: dead receipts, and consents of which the decisions are erased. Out: files without their rows, and the links that
//! stand in them without a row. The store need not be there. Invariant: a row of the ledger that tells what an erased
//! consent replaced stays until the wish to erase that one too is on disk.

use super::erasing::Erasing;
use super::ledger::{Replaced, erase_too};
use super::{StoreError, blocking, drain};
use crate::ledger::{bare_links, erased_rows, links_left, replaced_by, without_erased};
use crate::row_binary::Row;
use crate::spool::StoredRecord;
use std::cell::RefCell;
use std::collections::HashSet;

/// What a look through the disk found.
#[derive(Default)]
struct Swept {
    /// Links without rows: the commitment of each, and the day on which it ends.
    links: RefCell<Vec<(String, u16)>>,
    /// What erased consents replaced, whose rows stay until that is erased too.
    replaced: RefCell<Vec<Replaced>>,
    /// Consents that are erased, and those that they replaced as far as was found.
    followed: RefCell<HashSet<u64>>,
}

impl Swept {
    fn beginning_with(erased: &HashSet<u64>) -> Swept {
        Swept { followed: RefCell::new(erased.clone()), ..Swept::default() }
    }

    /// Whether a record tells of a consent that an erased one replaced and that nobody erased yet. Asked of the newest record
    /// first, it follows them however many there are one behind the other.
    fn is_needed(&self, record: &StoredRecord<'_>) -> bool {
        let more = replaced_by(record, &self.followed.borrow());
        let is_needed = !more.is_empty();
        self.followed.borrow_mut().extend(more.iter().map(|(_, withdraws)| *withdraws));
        let more = more.into_iter().map(|(site_id, withdraws)| Replaced { site_id, withdraws });
        self.replaced.borrow_mut().extend(more);
        is_needed
    }
}

/// Most looks in one go. The second carries out what the first found; a further one follows what was replaced from one
/// place on disk to the other.
const LOOKS_MAX: usize = 8;

impl Erasing<'_> {
    /// Looks through everything that lies on disk and is not in the store.
    pub(super) async fn sweep(&mut self) {
        for _ in 0..LOOKS_MAX {
            let (mut links, mut replaced) = (Vec::new(), Vec::new());
            for swept in [self.sweep_waiting().await, self.sweep_quarantine().await] {
                match swept {
                    Ok(found) => {
                        links.append(&mut found.links.into_inner());
                        replaced.append(&mut found.replaced.into_inner());
                    }
                    Err(error) => {
                        tracing::error!(%error, "What waits on disk could not be looked through; it is tried again.");
                    }
                }
            }
            // What an earlier look found stays until the store knows it.
            self.bare_links.append(&mut links);
            self.bare_links.sort_unstable();
            self.bare_links.dedup();
            // Once more for rows that stayed until the wish for what they replaced was on disk.
            if replaced.is_empty() || erase_too(&replaced, self.common.ledger).await.is_err() {
                return;
            }
        }
    }

    async fn sweep_waiting(&self) -> Result<Swept, StoreError> {
        let age = self.common.store.waiting_age;
        self.common.spool.seal_rested(age).await;
        let (spool, withdrawn, kept_sites) =
            (self.common.spool.clone(), self.common.withdrawn.clone(), self.common.kept_sites.load_full());
        let _waiting = self.common.waiting.lock().await;
        blocking(move || {
            let erased = withdrawn.erased().into_iter().collect();
            let swept = Swept::beginning_with(&erased);
            if withdrawn.heard_ms().is_some() {
                spool.erase_waiting(age, |record| {
                    let gone = match drain::is_erased(record, &withdrawn, &kept_sites) {
                        true => all_rows(record),
                        false if swept.is_needed(record) => Vec::new(),
                        false => erased_rows(record, &erased),
                    };
                    swept.links.borrow_mut().extend(links_left(record, &gone));
                    gone
                });
            }
            Ok(swept)
        })
        .await
    }

    async fn sweep_quarantine(&self) -> Result<Swept, StoreError> {
        let (spool, withdrawn, kept_sites) =
            (self.common.spool.clone(), self.common.withdrawn.clone(), self.common.kept_sites.load_full());
        blocking(move || {
            let erased = withdrawn.erased().into_iter().collect();
            let swept = Swept::beginning_with(&erased);
            spool.sweep_quarantine(withdrawn.heard_ms(), |record| {
                if drain::is_erased(record, &withdrawn, &kept_sites) {
                    return Some(Vec::new());
                }
                let links = |table, rows: &mut dyn Iterator<Item = Row<'_>>| {
                    swept.links.borrow_mut().extend(bare_links(table, rows));
                };
                links(record.table, &mut record.rows());
                if swept.is_needed(record) {
                    return None;
                }
                let left = without_erased(record, &erased)?;
                left.iter().for_each(|one| links(one.table, &mut one.rows.iter()));
                Some(left)
            })?;
            Ok(swept)
        })
        .await
    }
}

/// The places of the rows that have not gone already.
fn all_rows(record: &StoredRecord<'_>) -> Vec<usize> {
    record.rows().enumerate().filter(|(_, row)| !row.is_blank()).map(|(place, _)| place).collect()
}
