//! The schema is applied once, in order, and never quietly another.

use crate::stand::{Stand, tests};
use kruimel_collector::spool::Table;
use kruimel_collector::store::{MigrationError, StoreError, layout};
use schema::{MIGRATIONS, Migration};

tests![
    migrating_again_changes_nothing,
    a_migration_that_landed_later_is_applied_alone,
    a_crash_between_a_statement_and_its_record_is_mended,
    a_table_that_nobody_began_is_not_taken_for_ours,
    a_changed_file_is_refused,
    a_store_of_a_later_version_is_refused,
    every_column_of_the_tables_is_written_with_its_type,
];

const RECORDS: &str = "SELECT groupArray((version, step, checksum)) FROM \
                       (SELECT * FROM schema_migrations ORDER BY version, applied_at)";

const FURTHER: Migration = Migration {
    version: MIGRATIONS.len() as u32 + 1,
    name: "further",
    sql: "ALTER TABLE events ADD COLUMN further UInt8",
};

fn with_further() -> Vec<Migration> {
    MIGRATIONS.iter().copied().chain([FURTHER]).collect()
}

async fn records(stand: &Stand) -> String {
    stand.client.query(&format!("SELECT toString(({RECORDS}))")).fetch_one().await.unwrap()
}

async fn migrating_again_changes_nothing(stand: Stand) {
    stand.store.migrate().await.unwrap();
    let first = records(&stand).await;
    let applied = stand.number("SELECT count() FROM schema_migrations WHERE step = 'applied'").await;
    assert_eq!(applied, MIGRATIONS.len() as u64);
    stand.store.migrate().await.unwrap();
    assert_eq!(records(&stand).await, first);
}

async fn a_migration_that_landed_later_is_applied_alone(stand: Stand) {
    stand.store.migrate().await.unwrap();
    stand.store.apply(&with_further()).await.unwrap();
    let columns =
        "SELECT count() FROM system.columns WHERE database = currentDatabase() AND name = 'further'";
    assert_eq!(stand.number(columns).await, 1);
    assert_eq!(
        stand.number("SELECT count() FROM schema_migrations WHERE version = 1").await,
        2,
        "begun and applied"
    );
}

async fn a_crash_between_a_statement_and_its_record_is_mended(stand: Stand) {
    stand.store.apply(&with_further()).await.unwrap();
    for version in [FURTHER.version, 2, 4] {
        let forget =
            format!("ALTER TABLE schema_migrations DELETE WHERE version = {version} AND step = 'applied'");
        stand.execute(&forget).await;
        stand.store.apply(&with_further()).await.unwrap();
    }
    assert_eq!(
        stand.number("SELECT count() FROM schema_migrations WHERE step = 'applied'").await,
        u64::from(FURTHER.version)
    );
}

async fn a_table_that_nobody_began_is_not_taken_for_ours(stand: Stand) {
    stand.execute("CREATE TABLE events (mine UInt8) ENGINE = MergeTree ORDER BY mine").await;
    let refused = stand.store.migrate().await.unwrap_err();
    assert!(matches!(refused, StoreError::Client(_)), "{refused}");
    assert!(refused.to_string().contains("already exists"), "{refused}");
}

async fn a_changed_file_is_refused(stand: Stand) {
    stand.store.migrate().await.unwrap();
    let mut changed = MIGRATIONS.to_vec();
    changed[1].sql = "CREATE TABLE consents (another UInt8) ENGINE = MergeTree ORDER BY another";
    let refused = stand.store.apply(&changed).await.unwrap_err();
    let expected = MigrationError::Changed { version: 2, name: "consents".into() };
    assert!(matches!(&refused, StoreError::Migration(error) if *error == expected), "{refused}");
}

async fn a_store_of_a_later_version_is_refused(stand: Stand) {
    stand.store.apply(&with_further()).await.unwrap();
    let refused = stand.store.migrate().await.unwrap_err();
    let expected = MigrationError::LaterStore {
        found: FURTHER.version,
        name: "further".into(),
        known: MIGRATIONS.len() as u32,
    };
    assert!(matches!(&refused, StoreError::Migration(error) if *error == expected), "{refused}");
}

async fn every_column_of_the_tables_is_written_with_its_type(stand: Stand) {
    stand.store.migrate().await.unwrap();
    // The layout from before the ledger was chained writes only some of the columns of `consents`.
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Consents) {
        let layout = layout(table);
        let sql = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ?";
        let mut there: Vec<(String, String)> =
            stand.client.query(sql).bind(layout.table).fetch_all().await.unwrap();
        let mut written: Vec<(String, String)> =
            layout.columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
        assert_eq!(layout.columns[0], ("segment_id", "UInt64"));
        there.sort();
        written.sort();
        assert_eq!(there, written, "{}", layout.table);
    }
}
