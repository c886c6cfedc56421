//! Notes which decisions their collector still has on disk though their links are in the store.
//!
//! In: places of decisions that the store did not take, or takes at last. Out: `ledger_aside`, which says so, so that
//! nobody takes them for removed. Invariant: what the store holds is noted no longer once its segment leaves the spool.

use super::super::insert::Insert;
use super::super::rights::IDS_MAX;
use super::super::{Store, StoreError, in_long_time, in_time};
use crate::ledger::Place;

/// Most places that one statement names: each takes, with its link, up to six times what an id takes.
const PLACES_MAX: usize = IDS_MAX / 6;

impl Store {
    /// Notes places whose decisions the store did not take.
    pub(crate) async fn note_aside(&self, mut places: Vec<Place>) -> Result<(), StoreError> {
        places.sort_unstable();
        let of_day = |one: &Place, next: &Place| (&one.site_id, one.day) == (&next.site_id, next.day);
        for places in places.chunk_by(of_day).flat_map(|of_day| of_day.chunks(PLACES_MAX)) {
            let Some(first) = places.first() else { continue };
            let named = |Place { chain, seq, expires, link, .. }: &Place| {
                format!("({chain},{seq},{expires},'{link}')")
            };
            let named: Vec<String> = places.iter().map(named).collect();
            let sql = format!(
                "INSERT INTO ledger_aside (site_id, day, chain, seq, noted, expires, link) \
                 SELECT ?, toDate(?), place.1, place.2, toDate(now('UTC')), toDate(place.3), place.4 \
                 FROM (SELECT arrayJoin(CAST([{}], 'Array(Tuple(UInt64, UInt32, UInt16, String))')) AS place)",
                named.join(",")
            );
            in_time(self.client().query(&sql).bind(&first.site_id).bind(first.day).execute()).await?;
        }
        Ok(())
    }

    /// The store holds what belongs to these links: forgets that it did not.
    pub(crate) async fn forget_aside(&self, links: &Insert) -> Result<(), StoreError> {
        for places in links.conditions() {
            let asked = format!("SELECT count() FROM ledger_aside WHERE {places}");
            let noted: u64 = in_time(self.client().query(&asked).fetch_one()).await?;
            if noted > 0 {
                let delete = self.client().query(&format!("ALTER TABLE ledger_aside DELETE WHERE {places}"));
                in_long_time(delete.with_setting("mutations_sync", "2").execute()).await?;
            }
        }
        Ok(())
    }
}
