//! Holds `tests/lawful.md` to the tests: what it names is there, every numbered test is named, and no number is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../lawful.md");
/// Where a test that the table names may stand.
const SOURCES: [&str; 5] = ["tests", "collector/src", "collector/tests", "wire/src", "xtask/src"];

/// The names of all functions in the Rust files of a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next());
            found.extend(names.map(str::to_owned));
        }
    }
}

/// The tests that a row of the table names, each in backticks.
fn named(row: &str) -> impl Iterator<Item = &str> {
    let quoted = row.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.contains('_') && !name.starts_with('_') && !name.contains(['.', '/', ' ']))
}

fn is_numbered(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next() == Some(b'l') && letters.next().is_some_and(|digit| digit.is_ascii_digit())
}

#[test]
fn the_table_of_lawful_behaviours_names_tests_that_exist_and_every_numbered_one() {
    let mut functions_found = BTreeSet::new();
    for folder in SOURCES {
        functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut functions_found);
    }
    let rows: Vec<&str> = TABLE.lines().filter(|line| line.starts_with("| L")).collect();
    let mut told = BTreeSet::new();
    for (place, row) in rows.iter().enumerate() {
        let number = format!("L{}", place + 1);
        assert!(row.starts_with(&format!("| {number} |")), "{number} is missing before {row}");
        let tests: Vec<&str> = named(row).collect();
        assert!(!tests.is_empty() || row.contains("not yet"), "{number} has neither a test nor \"not yet\"");
        for name in tests {
            assert!(functions_found.contains(name), "{number} names {name}, which is not there");
            let digits = format!("l{:02}_", place + 1);
            assert!(!is_numbered(name) || name.contains(&digits), "{name} does not bear {number}");
            told.insert(name.to_owned());
        }
    }
    assert_eq!(rows.len(), 48);
    let untold: Vec<_> =
        functions_found.iter().filter(|name| is_numbered(name) && !told.contains(*name)).collect();
    assert!(untold.is_empty(), "the table does not name {untold:?}");
}
