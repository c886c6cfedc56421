//! Brings the store to the schema of this build: each numbered file once, in order.
//!
//! In: [`schema::MIGRATIONS`]. Out: tables, and in `schema_migrations` a record of what was begun and what was applied.
//! Invariant: a file that was applied is never applied again, and one that has changed since is an error, as is a store
//! that a later build has migrated.
//!
//! The store has no transactions: a crash may come between a statement and its record. So the beginning is recorded
//! too, and of a statement that was begun before, "it exists already" is taken as success.

use super::{Store, StoreError};
use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use thiserror::Error;

/// The store does not fit this build.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum MigrationError {
    /// A later build has been here.
    #[error(
        "the store has schema {found} ({name}) and this Kruimel knows schemas up to {known} only; start the later \
         version that migrated it"
    )]
    LaterStore {
        /// The highest version in the store.
        found: u32,
        /// Its name.
        name: String,
        /// The highest version of this build.
        known: u32,
    },
    /// A file is not what it was when it was applied.
    #[error(
        "schema {version} ({name}) is not the one that the store was migrated with; start an unchanged Kruimel"
    )]
    Changed {
        /// The version.
        version: u32,
        /// Its name.
        name: String,
    },
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations
(
    version     UInt32,
    name        String,
    checksum    String,
    step        LowCardinality(String),
    applied_at  DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (version, applied_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480";

const BEGUN: &str = "begun";
const APPLIED: &str = "applied";

/// ClickHouse's codes for a column, a table and an index that exist already.
const EXISTS_ALREADY: [&str; 3] = ["Code: 15.", "Code: 57.", "Code: 84."];

#[derive(Row, Deserialize)]
struct Recorded {
    version: u32,
    name: String,
    checksum: String,
    step: String,
}

/// What the store remembers of one file.
struct Past {
    name: String,
    checksum: String,
    applied: bool,
}

impl Store {
    /// Applies what is missing. Doing it again changes nothing.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.apply(schema::MIGRATIONS).await
    }

    /// The same with files of the caller's choice.
    pub async fn apply(&self, migrations: &[schema::Migration]) -> Result<(), StoreError> {
        self.execute(TABLE).await?;
        let past = self.past().await?;
        check(&past, migrations)?;
        for migration in migrations {
            let before = past.get(&migration.version);
            if before.is_some_and(|past| past.applied) {
                continue;
            }
            if before.is_none() {
                self.record(migration, BEGUN).await?;
            }
            match self.execute(migration.sql).await {
                Err(StoreError::Client(error)) if before.is_some() && exists_already(&error) => {}
                other => other?,
            }
            self.record(migration, APPLIED).await?;
            tracing::info!(
                version = migration.version,
                name = migration.name,
                "The store's schema was extended."
            );
        }
        Ok(())
    }

    async fn past(&self) -> Result<BTreeMap<u32, Past>, StoreError> {
        let sql = "SELECT version, name, checksum, step FROM schema_migrations ORDER BY version";
        let mut past: BTreeMap<u32, Past> = BTreeMap::new();
        for row in self.fetch::<Recorded>(sql).await? {
            let applied = row.step == APPLIED;
            let entry =
                past.entry(row.version).or_insert(Past { name: row.name, checksum: row.checksum, applied });
            entry.applied |= applied;
        }
        Ok(past)
    }

    async fn record(&self, migration: &schema::Migration, step: &str) -> Result<(), StoreError> {
        let insert = self
            .client()
            .query("INSERT INTO schema_migrations SELECT ?, ?, ?, ?, now64(3, 'UTC')")
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum(migration.sql))
            .bind(step);
        Ok(super::in_time(insert.execute()).await?)
    }
}

fn check(past: &BTreeMap<u32, Past>, migrations: &[schema::Migration]) -> Result<(), MigrationError> {
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    if let Some((version, latest)) = past.last_key_value()
        && *version > known
    {
        return Err(MigrationError::LaterStore { found: *version, name: latest.name.clone(), known });
    }
    let changed = migrations.iter().find(|migration| {
        past.get(&migration.version).is_some_and(|past| past.checksum != checksum(migration.sql))
    });
    match changed {
        Some(migration) => {
            Err(MigrationError::Changed { version: migration.version, name: migration.name.to_owned() })
        }
        None => Ok(()),
    }
}

fn checksum(sql: &str) -> String {
    use std::fmt::Write;
    Sha256::digest(sql).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes whatever is written to it");
        hex
    })
}

fn exists_already(error: &clickhouse::error::Error) -> bool {
    matches!(error, clickhouse::error::Error::BadResponse(text)
        if EXISTS_ALREADY.iter().any(|code| text.starts_with(code)))
}
