//! The analysts' description of the tables, against the tables.

use crate::stand::Stand;
use clickhouse::Row;
use serde::Deserialize;

const README: &str = include_str!("../../../schema/README.md");

#[derive(Row, Deserialize)]
struct Column {
    table: String,
    name: String,
    kind: String,
}

pub(crate) async fn columns(stand: &Stand) {
    let sql = "SELECT table AS table, name AS name, type AS kind FROM system.columns \
               WHERE database = 'kruimel' AND table NOT IN ('schema_migrations')";
    let columns: Vec<Column> = stand.client.query_raw(sql).fetch_all().await.unwrap();
    assert!(columns.len() > 50);
    for Column { table, name, kind } in &columns {
        let section = README.split(&format!("\n## {table}\n")).nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let line = section.lines().find(|line| {
            let first = line.split('|').nth(1).unwrap_or_default();
            first.split(',').any(|cell| cell.trim() == format!("`{name}`"))
        });
        let line = line.unwrap_or_else(|| panic!("schema/README.md does not describe {table}.{name}"));
        let kind = kind.split("(3, ").next().unwrap().replace("('UTC')", "");
        assert!(line.contains(&kind), "{table}.{name} is {kind}, not as in: {line}");
    }
    for line in README.lines().filter(|line| line.starts_with("| `")) {
        for name in line.split('|').nth(1).unwrap().split(',') {
            let name = name.trim().trim_matches('`');
            assert!(columns.iter().any(|column| column.name == name), "there is no column {name}");
        }
    }
}

pub(crate) async fn questions(stand: &Stand) {
    let blocks: Vec<&str> =
        README.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 7, "{} questions", blocks.len());
    for sql in blocks {
        let sql = sql.replace("'example'", "'news'");
        let query = stand.client.query_raw(&sql).with_setting("readonly", "1");
        let mut answer = query.fetch_bytes("TSVWithNames").unwrap();
        let answer = answer.collect().await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        assert!(answer.contains(&b'\n'), "{sql}");
    }
}
