//! Copies the ledger's artefacts into the store, so that a row can be replayed from any collector, and removes what
//! outlived its newest record.
//!
//! In: the artefacts of this collector's data folder. Out: `ledger_artefacts`. An artefact is named by its content, so
//! copying it twice, or from several collectors, does no harm; one that another collector removed while this one still
//! has it comes back with the next comparison.

use super::{Store, StoreError, blocking, in_long_time, in_time};
use crate::ledger::{Artefact, Artefacts};
use clickhouse::Row;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

#[derive(Row, Serialize)]
struct Stored<'a> {
    hash: &'a str,
    site_id: &'a str,
    kind: &'a str,
    language: &'a str,
    revision: u32,
    text_hash: &'a str,
    declaration_hash: &'a str,
    content: String,
}

impl Store {
    /// Inserts what the store lacks, and removes here and there what no row names any more.
    ///
    /// # Errors
    /// What the store or the disk says.
    pub async fn keep_artefacts(&self, artefacts: &Arc<Artefacts>) -> Result<(), StoreError> {
        let held: HashSet<String> =
            self.fetch::<String>("SELECT DISTINCT hash FROM ledger_artefacts").await?.into_iter().collect();
        for artefact in artefacts.all().into_iter().filter(|one| !held.contains(&one.hash)) {
            let (from, hash) = (Arc::clone(artefacts), artefact.hash.clone());
            match blocking(move || from.read(&hash)).await {
                Ok(content) => self.insert_artefact(&artefact, content).await?,
                Err(error) => {
                    tracing::error!(%error, hash = artefact.hash, "An artefact of the ledger cannot be read.");
                }
            }
        }
        let to_touch = Arc::clone(artefacts);
        let unseen = blocking(move || {
            to_touch.touch()?;
            Ok(to_touch.unseen(SystemTime::now()))
        })
        .await?;
        self.remove_artefacts(artefacts, unseen).await
    }

    async fn insert_artefact(&self, artefact: &Artefact, content: String) -> Result<(), StoreError> {
        let mut insert = self.client().insert::<Stored<'_>>("ledger_artefacts").await?;
        let row = Stored {
            hash: &artefact.hash,
            site_id: &artefact.site,
            kind: &artefact.kind,
            language: &artefact.language,
            revision: artefact.revision,
            text_hash: &artefact.text_hash,
            declaration_hash: &artefact.declaration_hash,
            content,
        };
        insert.write(&row).await?;
        Ok(in_time(insert.end()).await?)
    }

    /// Removes those of the artefacts that no row names.
    pub(crate) async fn remove_artefacts(
        &self,
        artefacts: &Arc<Artefacts>,
        unseen: Vec<Artefact>,
    ) -> Result<(), StoreError> {
        let mut unnamed = HashSet::new();
        for artefact in unseen {
            let sql = "SELECT count() FROM consents WHERE site_id = ? AND (banner_hash = ? \
                       OR (text_hash != '' AND text_hash = ?) OR (declaration_hash = ? AND ? = 'declaration'))";
            let query = self.client().query(sql).bind(&artefact.site).bind(&artefact.hash);
            let query = query.bind(&artefact.text_hash).bind(&artefact.declaration_hash).bind(&artefact.kind);
            let rows: u64 = in_time(query.fetch_one()).await?;
            if rows == 0 {
                unnamed.insert(artefact.hash);
            }
        }
        let from = Arc::clone(artefacts);
        let retired = blocking(move || Ok(from.retire(unnamed, SystemTime::now()))).await?;
        if retired.is_empty() {
            return Ok(());
        }
        let hashes: Vec<&String> = retired.iter().collect();
        let delete = self.client().query("ALTER TABLE ledger_artefacts DELETE WHERE hash IN ?").bind(&hashes);
        in_long_time(delete.with_setting("mutations_sync", "2").execute()).await?;
        tracing::info!(
            artefacts = retired.len(),
            "Artefacts that outlived their newest record were removed."
        );
        let from = Arc::clone(artefacts);
        blocking(move || from.remove(&retired, SystemTime::now())).await
    }
}
