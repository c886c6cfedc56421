//! Results: typed, bound, failing, and given up.

use clickhouse::Row;
use clickhouse::error::Error;
use serde::Deserialize;

use crate::stand::{engine, post, request, target};

#[derive(Debug, Deserialize, PartialEq, Row)]
struct Numbered {
    number: u64,
    text: String,
}

#[tokio::test]
async fn typed_rows_past_the_first_chunk_are_the_rows_that_were_asked_for() {
    let (_stand, supervisor, client) = engine().await;
    let sql = "SELECT number, concat('n', toString(number)) AS text FROM numbers(200000) ORDER BY number";
    let rows = client.query(sql).fetch_all::<Numbered>().await.unwrap();
    assert_eq!(rows.len(), 200_000);
    for (expected, row) in rows.iter().enumerate() {
        assert_eq!(*row, Numbered { number: expected as u64, text: format!("n{expected}") });
    }
    supervisor.stop().await;
}

#[tokio::test]
async fn an_empty_result_is_typed_and_empty() {
    let (_stand, supervisor, client) = engine().await;
    let rows =
        client.query("SELECT number, '' AS text FROM numbers(0)").fetch_all::<Numbered>().await.unwrap();
    assert_eq!(rows, []);
    supervisor.stop().await;
}

#[tokio::test]
async fn bound_parameters_keep_quotes_breaks_and_backslashes() {
    let (_stand, supervisor, client) = engine().await;
    for value in
        ["it's", "a\\b", "a\\'b", "line\nbreak\ttab", "\"q\" `b`", "'; DROP TABLE t; --", "é😀", "", "\\N"]
    {
        let bound = client.query("SELECT {value:String}").param("value", value).fetch_one::<String>().await;
        assert_eq!(bound.unwrap(), value);
        let pasted = client.query("SELECT ?").bind(value).fetch_one::<String>().await;
        assert_eq!(pasted.unwrap(), value);
    }
    let list = client.query("SELECT {list:Array(String)}").param("list", vec!["it's", "b"]);
    assert_eq!(list.fetch_one::<Vec<String>>().await.unwrap(), ["it's", "b"]);
    let number = client.query("SELECT {n:UInt64} + 1").param("n", 41u64);
    assert_eq!(number.fetch_one::<u64>().await.unwrap(), 42);
    supervisor.stop().await;
}

#[tokio::test]
async fn parameters_in_the_url_are_bound_too() {
    let (stand, supervisor, _) = engine().await;
    let parameters = [("param_a", "it's"), ("param_b", "3"), ("query", "SELECT {a:String}, {b:UInt8}")];
    let raw = post(&stand.options.socket, &parameters, b"");
    assert_eq!((raw.status, raw.text().as_str()), (200, "it\\'s\t3\n"));
    let unset = post(&stand.options.socket, &[], b"SELECT {a:String}");
    assert_eq!((unset.status, unset.headers["x-clickhouse-exception-code"].as_str()), (400, "456"));
    supervisor.stop().await;
}

#[tokio::test]
async fn a_failure_after_the_first_rows_is_an_error() {
    let (_stand, supervisor, client) = engine().await;
    let sql = "SELECT number + throwIf(number = 4900000) FROM numbers(5000000)";
    let error = client.query(sql).fetch_all::<u64>().await.unwrap_err();
    assert!(matches!(error, Error::BadResponse(_) | Error::Network(_)), "{error}");
    let bytes = client.query(sql).fetch_bytes("RowBinary").unwrap().collect().await;
    assert!(bytes.is_err());
    supervisor.stop().await;
}

#[tokio::test]
async fn a_failure_before_the_first_row_has_its_code_and_status() {
    let (stand, supervisor, client) = engine().await;
    for (sql, status, code) in [
        ("SELECT * FROM nowhere", 404, "60"),
        ("SELECT nothing", 404, "47"),
        ("SELEC 1", 400, "62"),
        ("SELECT 1; SELECT 2", 400, "62"),
        ("", 400, "62"),
    ] {
        let raw = post(&stand.options.socket, &[], sql.as_bytes());
        let found = (raw.status, raw.headers["x-clickhouse-exception-code"].as_str());
        assert_eq!(found, (status, code), "{sql}: {}", raw.text());
        assert!(raw.text().starts_with(&format!("Code: {code}.")), "{}", raw.text());
    }
    let error = client.query("SELECT * FROM nowhere").fetch_all::<u64>().await.unwrap_err().to_string();
    assert!(error.contains("UNKNOWN_TABLE"), "{error}");
    supervisor.stop().await;
}

#[tokio::test]
async fn settings_in_the_url_are_applied_and_unknown_ones_refused() {
    let (stand, supervisor, client) = engine().await;
    let limited = client.clone().with_setting("max_result_rows", "10");
    let error =
        limited.query("SELECT number FROM numbers(20)").fetch_all::<u64>().await.unwrap_err().to_string();
    assert!(error.contains("TOO_MANY_ROWS_OR_BYTES"), "{error}");
    let limited =
        client.clone().with_setting("max_execution_time", "1").with_setting("timeout_overflow_mode", "throw");
    let forever = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";
    let error = limited.query(forever).fetch_all::<u64>().await.unwrap_err().to_string();
    assert!(error.contains("TIMEOUT_EXCEEDED"), "{error}");
    let raw = post(&stand.options.socket, &[("no_such_setting", "1")], b"SELECT 1");
    assert_eq!((raw.status, raw.headers["x-clickhouse-exception-code"].as_str()), (400, "115"));
    supervisor.stop().await;
}

#[tokio::test]
async fn a_result_tells_what_was_read() {
    let (stand, supervisor, client) = engine().await;
    client.query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    client.query("INSERT INTO t SELECT number FROM numbers(1000)").execute().await.unwrap();
    let raw = post(&stand.options.socket, &[("default_format", "JSON")], b"SELECT sum(n) FROM t");
    let summary = &raw.headers["x-clickhouse-summary"];
    assert!(summary.contains("\"read_rows\":\"1000\""), "{summary}");
    supervisor.stop().await;
}

#[tokio::test]
async fn a_query_nobody_waits_for_is_killed() {
    let (_stand, supervisor, client) = engine().await;
    let forever =
        "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number), 'the forgotten one')";
    let running = "SELECT count() FROM system.processes WHERE query LIKE '%the forgotten one%' AND query NOT LIKE '%processes%'";
    let count = async || client.query(running).fetch_one::<u64>().await.unwrap();
    let forgotten = tokio::spawn({
        let client = client.clone();
        async move { client.query(forever).fetch_all::<u64>().await }
    });
    while count().await == 0 {
        tokio::task::yield_now().await;
    }
    forgotten.abort();
    while count().await > 0 {
        tokio::task::yield_now().await;
    }
    supervisor.stop().await;
}

#[tokio::test]
async fn many_statements_at_once_are_all_answered() {
    let (_stand, supervisor, client) = engine().await;
    let mut all = tokio::task::JoinSet::new();
    for n in 0..200u64 {
        let client = client.clone();
        all.spawn(async move {
            (n, client.query("SELECT toUInt64(?)").bind(n).fetch_one::<u64>().await.unwrap())
        });
    }
    let answers = all.join_all().await;
    assert_eq!(answers.len(), 200);
    assert!(answers.iter().all(|(asked, answer)| asked == answer));
    supervisor.stop().await;
}

#[tokio::test]
async fn what_is_too_large_or_not_there_is_refused() {
    let (stand, supervisor, _) = engine().await;
    let socket = &stand.options.socket;
    let long = "x".repeat(kruimel_engine::limits::URL_BYTES_MAX);
    assert_eq!(request(socket, "POST", &target(&[("query", &long)]), b"").status, 413);
    let large = vec![b' '; kruimel_engine::limits::STATEMENT_BYTES_MAX + 1];
    assert_eq!(post(socket, &[], &large).status, 413);
    assert_eq!(request(socket, "GET", "/ping", b"").text(), "Ok.\n");
    assert_eq!(request(socket, "GET", "/elsewhere", b"").status, 404);
    assert_eq!(request(socket, "PUT", "/", b"").status, 405);
    supervisor.stop().await;
}

#[tokio::test]
async fn how_parts_are_merged_is_what_the_config_says() {
    let stand = crate::stand::Stand::new();
    let supervisor = stand.start().await;
    for (name, expected) in [
        ("vertical_merge_algorithm_min_rows_to_activate", "1000000"),
        ("merge_selector_base", "9"),
        ("auto_statistics_types", ""),
        ("number_of_free_entries_in_pool_to_lower_max_size_of_merge", "4"),
        ("max_bytes_to_merge_at_min_space_in_pool", "4096"),
        // Not set: so the library has it, and an erasure may take the last place.
        ("number_of_free_entries_in_pool_to_execute_mutation", "0"),
    ] {
        let sql = "SELECT value FROM system.merge_tree_settings WHERE name = ?";
        let value = stand.client().query(sql).bind(name).fetch_one::<String>().await.unwrap();
        assert_eq!(value, expected, "{name}");
    }
    supervisor.stop().await;
}
