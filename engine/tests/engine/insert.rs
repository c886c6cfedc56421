//! Inserts: typed, by hand, torn, repeated, and into the product's own schema.

use std::io::Write;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::stand::{engine, post, target};

#[derive(Clone, Debug, Deserialize, PartialEq, Row, Serialize)]
struct Pair {
    n: u64,
    s: String,
}

const TABLE: &str = "CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n";
const WITH_HEADER: &str = "INSERT INTO t FORMAT RowBinaryWithNamesAndTypes";

fn header(number_type: &str) -> Vec<u8> {
    let mut bytes = b"\x02\x01n\x01s".to_vec();
    for name in [number_type, "String"] {
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name.as_bytes());
    }
    bytes
}

fn row(n: u64, s: &str) -> Vec<u8> {
    let mut bytes = n.to_le_bytes().to_vec();
    bytes.push(s.len() as u8);
    bytes.extend_from_slice(s.as_bytes());
    bytes
}

async fn rows(client: &clickhouse::Client) -> Vec<Pair> {
    client.query("SELECT n, s FROM t ORDER BY n, s").fetch_all().await.unwrap()
}

#[tokio::test]
async fn a_validated_insert_arrives_as_it_was() {
    let (_stand, supervisor, client) = engine().await;
    client.query(TABLE).execute().await.unwrap();
    let written: Vec<Pair> = (0..1000).map(|n| Pair { n, s: format!("a\n\n;{n}\u{0}") }).collect();
    let mut insert = client.insert::<Pair>("t").await.unwrap();
    for pair in &written {
        insert.write(pair).await.unwrap();
    }
    insert.end().await.unwrap();
    assert_eq!(rows(&client).await, written);
    supervisor.stop().await;
}

#[tokio::test]
async fn rows_in_binary_with_their_own_header_are_taken() {
    let (_stand, supervisor, client) = engine().await;
    client.query(TABLE).execute().await.unwrap();
    let mut insert = client.insert_formatted_with(WITH_HEADER);
    insert.send(header("UInt64").into()).await.unwrap();
    // A row torn between two pieces of the body is one row.
    let bytes = row(7, "seven");
    insert.send(bytes[..5].to_vec().into()).await.unwrap();
    insert.send(bytes[5..].to_vec().into()).await.unwrap();
    insert.end().await.unwrap();
    assert_eq!(rows(&client).await, [Pair { n: 7, s: "seven".to_owned() }]);
    supervisor.stop().await;
}

#[tokio::test]
async fn a_wrong_type_or_name_in_the_header_is_refused_and_nothing_is_kept() {
    let (_stand, supervisor, client) = engine().await;
    client.query(TABLE).execute().await.unwrap();
    let mut misnamed = header("UInt64");
    misnamed[2] = b'm';
    for (header, reason) in [(header("UInt32"), "must be UInt64"), (misnamed, "'m'")] {
        let mut insert = client.insert_formatted_with(WITH_HEADER);
        insert.send([header, row(7, "seven")].concat().into()).await.unwrap();
        let error = insert.end().await.unwrap_err().to_string();
        assert!(error.contains("Code: 117") && error.contains(reason), "{error}");
    }
    assert_eq!(rows(&client).await, []);
    supervisor.stop().await;
}

#[tokio::test]
async fn a_large_insert_that_is_wrong_at_its_start_still_tells_why() {
    let (_stand, supervisor, client) = engine().await;
    client.query(TABLE).execute().await.unwrap();
    let mut insert = client.insert_formatted_with(WITH_HEADER);
    insert.send(header("UInt32").into()).await.unwrap();
    for _ in 0..64 {
        insert.send(vec![0u8; 256 * 1024].into()).await.unwrap();
    }
    let error = insert.end().await.unwrap_err().to_string();
    assert!(error.contains("must be UInt64"), "{error}");
    supervisor.stop().await;
}

#[tokio::test]
async fn data_that_breaks_off_is_not_committed() {
    let (stand, supervisor, client) = engine().await;
    client.query(TABLE).execute().await.unwrap();
    let torn = row(7, "seven");
    let raw = post(&stand.options.socket, &[("query", "INSERT INTO t FORMAT RowBinary")], &torn[..10]);
    assert_eq!(raw.headers["x-clickhouse-exception-code"], "33", "{}", raw.text());
    // A client that goes away in the middle of its body: the rows it sent are whole, and still not committed.
    let mut stream = std::os::unix::net::UnixStream::connect(&stand.options.socket).unwrap();
    let target = target(&[("query", "INSERT INTO t FORMAT RowBinary")]);
    write!(stream, "POST {target} HTTP/1.1\r\nHost: engine\r\nContent-Length: 1000\r\n\r\n").unwrap();
    stream.write_all(&row(8, "eight")).unwrap();
    let running = "SELECT count() FROM system.processes WHERE query_kind = 'Insert'";
    let count = async || client.query(running).fetch_one::<u64>().await.unwrap();
    while count().await == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while count().await > 0 {
        tokio::task::yield_now().await;
    }
    let mut insert = client.insert::<Pair>("t").await.unwrap();
    insert.write(&Pair { n: 9, s: "nine".to_owned() }).await.unwrap();
    insert.end().await.unwrap();
    assert_eq!(rows(&client).await, [Pair { n: 9, s: "nine".to_owned() }]);
    supervisor.stop().await;
}

#[tokio::test]
async fn an_insert_tells_how_much_it_wrote() {
    let (stand, supervisor, client) = engine().await;
    client.query(TABLE).execute().await.unwrap();
    let raw = post(&stand.options.socket, &[("query", "INSERT INTO t (n, s) FORMAT CSV")], b"1,a\n2,b\n");
    assert_eq!(raw.status, 200, "{}", raw.text());
    assert!(raw.headers["x-clickhouse-summary"].contains("\"written_rows\":\"2\""), "{raw:?}");
    let raw = post(&stand.options.socket, &[("query", "INSERT INTO t (n, s) VALUES")], b"(3,'c')");
    assert_eq!(raw.status, 200, "{}", raw.text());
    let raw = post(&stand.options.socket, &[], b"INSERT INTO t FORMAT JSONEachRow\n{\"n\":4,\"s\":\"d\"}\n");
    assert_eq!(raw.status, 200, "{}", raw.text());
    assert_eq!(rows(&client).await.len(), 4);
    supervisor.stop().await;
}

async fn migrated(client: &clickhouse::Client) {
    for migration in schema::MIGRATIONS {
        client
            .query(migration.sql)
            .execute()
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", migration.name));
    }
}

#[tokio::test]
async fn every_migration_applies_to_a_fresh_store() {
    let (_stand, supervisor, client) = engine().await;
    migrated(&client).await;
    let tables = "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name";
    assert_eq!(
        client.query(tables).fetch_all::<String>().await.unwrap(),
        [
            "consents",
            "displays",
            "doubles",
            "events",
            "ledger_artefacts",
            "ledger_aside",
            "ledger_chain",
            "ledger_erased",
            "rejections",
            "retries"
        ]
    );
    supervisor.stop().await;
}

#[tokio::test]
async fn the_same_segment_inserted_twice_counts_once() {
    let (_stand, supervisor, client) = engine().await;
    migrated(&client).await;
    let send = async |token: &str| {
        let client = client.clone().with_setting("insert_deduplication_token", token);
        let mut insert = client.insert_formatted_with(
            "INSERT INTO events (site_id, ts, visitor_id, segment_id, expires) FORMAT JSONEachRow",
        );
        let row = r#"{"site_id":"example","ts":"2126-01-02 03:04:05.678","visitor_id":7,"segment_id":9,"expires":"2128-01-01"}"#;
        insert.send(format!("{row}\n").into()).await.unwrap();
        insert.end().await.unwrap();
    };
    let count = async || {
        client.query("SELECT count() FROM events WHERE segment_id = 9").fetch_one::<u64>().await.unwrap()
    };
    send("segment-9").await;
    send("segment-9").await;
    assert_eq!(count().await, 1);
    // The token decides and not the data: the setting of one request is gone with it.
    send("segment-10").await;
    assert_eq!(count().await, 2);
    supervisor.stop().await;
}
