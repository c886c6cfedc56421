//! CONTRACT 2: what the collector writes and the dashboards read, as numbered plain SQL.
//!
//! [`MIGRATIONS`] holds the files in the order of their numbers. The collector applies each once, in that order, and
//! records it in `schema_migrations`. A file that has landed is never edited: a change is a further file.

/// One numbered file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The number the file begins with, from 1 upwards without gaps.
    pub version: u32,
    /// The file's name without number and ending.
    pub name: &'static str,
    /// One statement, without a trailing semicolon.
    pub sql: &'static str,
}

/// Every migration, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "events", sql: include_str!("../0001_events.sql") },
    Migration { version: 2, name: "consents", sql: include_str!("../0002_consents.sql") },
    Migration { version: 3, name: "rejections", sql: include_str!("../0003_rejections.sql") },
    Migration { version: 4, name: "consents_chain", sql: include_str!("../0004_consents_chain.sql") },
    Migration { version: 5, name: "ledger_chain", sql: include_str!("../0005_ledger_chain.sql") },
    Migration { version: 6, name: "ledger_erased", sql: include_str!("../0006_ledger_erased.sql") },
    Migration { version: 7, name: "ledger_artefacts", sql: include_str!("../0007_ledger_artefacts.sql") },
    Migration { version: 8, name: "displays", sql: include_str!("../0008_displays.sql") },
    Migration { version: 9, name: "consents_hourly", sql: include_str!("../0009_consents_hourly.sql") },
    Migration {
        version: 10,
        name: "ledger_chain_hourly",
        sql: include_str!("../0010_ledger_chain_hourly.sql"),
    },
    Migration {
        version: 11,
        name: "ledger_chain_expiry",
        sql: include_str!("../0011_ledger_chain_expiry.sql"),
    },
    Migration { version: 12, name: "ledger_aside", sql: include_str!("../0012_ledger_aside.sql") },
    Migration { version: 13, name: "ledger_aside_link", sql: include_str!("../0013_ledger_aside_link.sql") },
    Migration { version: 14, name: "retries", sql: include_str!("../0014_retries.sql") },
    Migration { version: 15, name: "doubles", sql: include_str!("../0015_doubles.sql") },
];

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn numbers_rise_by_one_and_no_file_is_forgotten() {
        let numbers: Vec<u32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(numbers, (1..=MIGRATIONS.len() as u32).collect::<Vec<_>>());

        let mut files: Vec<String> = std::fs::read_dir(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let named: Vec<String> = MIGRATIONS
            .iter()
            .map(|migration| format!("{:04}_{}.sql", migration.version, migration.name))
            .collect();
        assert_eq!(files, named);
    }
}
