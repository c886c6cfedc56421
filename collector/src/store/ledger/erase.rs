//! Erases from the ledger what visitors had erased, and notes of each row why it is missing.
//!
//! In: the consents that are erased, as the store and this collector's own list tell: a store that was restored forgot
//! the newer ones. Out: `consents` without their rows but the one that says so, and their commitments in `ledger_erased`,
//! so that nobody takes it for tampering. Invariants: what is erased is noted first. A row that says which consent an
//! erased one replaced goes only once that one is erased too: its wish is on disk, however many there are one behind the
//! other, and wherever their rows come from.

use super::super::rights::IDS_MAX;
use super::super::{Store, StoreError, in_long_time, in_time};
use crate::ledger::{Ledger, LedgerRow};
use crate::spool::AppendError;
use crate::withdrawn::Withdrawn;
use clickhouse::Row;
use serde::Deserialize;
use wire::HexId;

/// Most consents one behind the other that are followed at once, before others have their turn.
const LEVELS_MAX: usize = 64;
/// Most rows or consents that one statement names: it names each twice, or in up to four times what an id takes.
const ROWS_MAX: usize = IDS_MAX / 4;

/// A row that is to be erased. Those from before the ledger was chained have no place.
#[derive(Row, Deserialize)]
struct Place {
    chain: u64,
    chain_seq: u32,
    consent_id: u64,
    withdraws: u64,
}

/// A consent that an erased one replaced.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Row, Deserialize)]
pub(crate) struct Replaced {
    pub(crate) site_id: String,
    pub(crate) withdraws: u64,
}

/// How far the ledger was rid of what visitors had erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Erased {
    /// As far as it goes.
    All,
    /// There is more of what was replaced.
    Some,
    /// The wish for what was replaced finds no room on disk: nothing was erased that tells of it.
    NoRoom,
}

/// Puts the wish to erase these consents on disk too.
pub(crate) async fn erase_too(replaced: &[Replaced], ledger: &Ledger) -> Result<(), AppendError> {
    for one in replaced {
        let row = LedgerRow::erasure(&one.site_id, HexId(one.withdraws), crate::now_ms());
        ledger.append(row).await?;
    }
    Ok(())
}

impl Store {
    /// Erases every row of the consents that visitors had erased, but the ones that say so and those that tell of what
    /// was replaced and is not erased yet.
    pub(crate) async fn erase_from_ledger(
        &self,
        withdrawn: &Withdrawn,
        ledger: &Ledger,
    ) -> Result<Erased, StoreError> {
        let mut erased = Erased::Some;
        for _ in 0..LEVELS_MAX {
            let replaced = self.replaced(withdrawn).await?;
            if replaced.is_empty() {
                erased = Erased::All;
                break;
            }
            if let Err(error) = erase_too(&replaced, ledger).await {
                tracing::error!(%error, "What an erased consent replaced cannot be erased yet; it is tried again.");
                erased = Erased::NoRoom;
                break;
            }
        }
        self.erase_rows(withdrawn).await?;
        Ok(erased)
    }

    /// The same without a collector's own ledger: this list alone tells what was replaced.
    pub(crate) async fn erase_from_restored_ledger(&self, withdrawn: &Withdrawn) -> Result<(), StoreError> {
        loop {
            let replaced = self.replaced(withdrawn).await?;
            if replaced.is_empty() {
                break;
            }
            let at_ms = crate::withdrawn::now_ms();
            replaced.iter().for_each(|one| withdrawn.erase(one.withdraws, at_ms));
        }
        let list = withdrawn.clone();
        super::super::blocking(move || list.save()).await?;
        self.erase_rows(withdrawn).await
    }

    /// What erased consents replaced and nobody erased yet.
    async fn replaced(&self, withdrawn: &Withdrawn) -> Result<Vec<Replaced>, StoreError> {
        let mut found = Vec::new();
        for erased in erased(withdrawn) {
            let sql = format!(
                "SELECT DISTINCT toString(site_id) AS site_id, withdraws FROM consents WHERE action != 'erase' \
                 AND sample = 0 AND withdraws != 0 AND consent_id IN {erased} \
                 AND withdraws NOT IN (SELECT withdraws FROM consents WHERE action = 'erase')"
            );
            found.extend(self.fetch::<Replaced>(&sql).await?);
        }
        found.retain(|one| !withdrawn.is_erased(one.withdraws));
        Ok(found)
    }

    async fn erase_rows(&self, withdrawn: &Withdrawn) -> Result<(), StoreError> {
        for erased in erased(withdrawn) {
            let sql = format!(
                "SELECT chain, chain_seq, consent_id, withdraws FROM consents WHERE action != 'erase' AND sample = 0 \
                 AND (withdraws != 0 AND withdraws IN {erased} OR withdraws = 0 AND consent_id IN {erased})"
            );
            let places: Vec<Place> = self.fetch(&sql).await?;
            let (unchained, chained): (Vec<_>, Vec<_>) =
                places.into_iter().partition(|place| place.chain == 0);
            for places in chained.chunks(ROWS_MAX) {
                self.erase_chained(places).await?;
            }
            for places in unchained.chunks(ROWS_MAX) {
                self.erase_unchained(places).await?;
            }
        }
        Ok(())
    }

    async fn erase_chained(&self, places: &[Place]) -> Result<(), StoreError> {
        let list: Vec<String> =
            places.iter().map(|place| format!("({},{})", place.chain, place.chain_seq)).collect();
        let list = list.join(",");
        let note = format!(
            "INSERT INTO ledger_erased SELECT commitment, toDate(now('UTC')), ledger_chain.expires FROM ledger_chain \
             WHERE (chain, seq) IN ({list})"
        );
        self.execute(&note).await?;
        self.delete(&format!("(chain, chain_seq) IN ({list})"), places.len()).await
    }

    async fn erase_unchained(&self, places: &[Place]) -> Result<(), StoreError> {
        let list: Vec<String> =
            places.iter().map(|place| format!("({},{})", place.consent_id, place.withdraws)).collect();
        let condition =
            format!("chain = 0 AND action != 'erase' AND (consent_id, withdraws) IN ({})", list.join(","));
        self.delete(&condition, places.len()).await
    }

    async fn delete(&self, condition: &str, rows: usize) -> Result<(), StoreError> {
        let delete = self.client().query(&format!("ALTER TABLE consents DELETE WHERE {condition}"));
        in_long_time(delete.with_setting("mutations_sync", "2").execute()).await?;
        tracing::info!(rows, "Rows of the ledger were erased for their visitors.");
        Ok(())
    }

    /// Notes commitments whose rows were erased where they waited on disk, each with the day on which its link ends.
    pub(crate) async fn note_erased(&self, links: &[(String, u16)]) -> Result<(), StoreError> {
        for links in links.chunks(ROWS_MAX) {
            let commitments: Vec<&str> = links.iter().map(|(commitment, _)| commitment.as_str()).collect();
            let asked =
                self.client().query("SELECT DISTINCT commitment FROM ledger_erased WHERE commitment IN ?");
            let noted: Vec<String> = in_time(asked.bind(&commitments).fetch_all()).await?;
            let missing = links.iter().filter(|(commitment, _)| !noted.contains(commitment));
            let values: Vec<String> = missing
                .filter(|(commitment, _)| commitment.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .map(|(commitment, day)| format!("('{commitment}', toDate(now('UTC')), toDate({day}))"))
                .collect();
            if !values.is_empty() {
                self.execute(&format!("INSERT INTO ledger_erased VALUES {}", values.join(","))).await?;
            }
        }
        Ok(())
    }
}

/// The consents that visitors had erased, as sets that a statement can name.
fn erased(withdrawn: &Withdrawn) -> Vec<String> {
    let listed = withdrawn.erased();
    let chunks = if listed.is_empty() { vec![&listed[..]] } else { listed.chunks(ROWS_MAX).collect() };
    let set = |ids: &[u64]| {
        let ids = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        format!(
            "(SELECT withdraws FROM consents WHERE action = 'erase' \
             UNION ALL SELECT arrayJoin(CAST([{ids}], 'Array(UInt64)')) AS withdraws)"
        )
    };
    chunks.into_iter().map(set).collect()
}
