//! Each of the ten traps of libchdb that were found by measuring, and those found since.

use crate::stand::{Stand, engine, post};

#[tokio::test]
async fn trap_01_the_engine_stays_up_when_the_last_session_closes() {
    let (_stand, supervisor, client) = engine().await;
    // A table in memory is lost when the engine shuts down, which it does with its last connection.
    client.query("CREATE TABLE memory (n UInt8) ENGINE = Memory").execute().await.unwrap();
    client.query("INSERT INTO memory VALUES (7)").execute().await.unwrap();
    assert_eq!(client.query("SELECT n FROM memory").fetch_all::<u8>().await.unwrap(), [7]);
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_01_settings_and_sessions_do_not_leak_into_the_next_request() {
    let (_stand, supervisor, client) = engine().await;
    let setting = "SELECT toString(getSetting('max_execution_time'))";
    let set = client.clone().with_setting("max_execution_time", "77");
    assert_eq!(set.query(setting).fetch_one::<String>().await.unwrap(), "77");
    client.query("SET max_execution_time = 78").execute().await.unwrap();
    client.query("CREATE TEMPORARY TABLE mine (n UInt8)").execute().await.unwrap();
    assert_eq!(client.query(setting).fetch_one::<String>().await.unwrap(), "0");
    let error = client.query("SELECT n FROM mine").fetch_all::<u8>().await.unwrap_err().to_string();
    assert!(error.contains("UNKNOWN_TABLE"), "{error}");
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_02_a_streamed_result_holds_its_header_once() {
    let (stand, supervisor, _) = engine().await;
    let sql = "SELECT number FROM numbers(200000)";
    let raw =
        post(&stand.options.socket, &[("default_format", "RowBinaryWithNamesAndTypes")], sql.as_bytes());
    let header = b"\x01\x06number\x06UInt64";
    assert_eq!(&raw.body[..header.len()], header);
    assert_eq!(raw.body.len(), header.len() + 200_000 * 8);
    let sum: u64 =
        raw.body[header.len()..].chunks(8).map(|row| u64::from_le_bytes(row.try_into().unwrap())).sum();
    assert_eq!(sum, 199_999 * 200_000 / 2);
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_02_other_formats_are_one_document() {
    let (stand, supervisor, _) = engine().await;
    let sql = b"SELECT number FROM numbers(200000)";
    let ask = |format| post(&stand.options.socket, &[("default_format", format)], sql);
    assert_eq!(ask("JSON").text().matches("\"meta\"").count(), 1);
    assert_eq!(ask("CSVWithNames").text().matches("number").count(), 1);
    let parquet = ask("Parquet").body;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert_eq!(parquet.windows(4).filter(|window| window == b"PAR1").count(), 2);
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_03_statements_that_cannot_stream_are_answered() {
    let (stand, supervisor, client) = engine().await;
    client.query("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    for sql in ["DESCRIBE TABLE t", "SHOW TABLES", "EXPLAIN SELECT 1", "EXISTS TABLE t"] {
        let raw =
            post(&stand.options.socket, &[("default_format", "RowBinaryWithNamesAndTypes")], sql.as_bytes());
        assert_eq!(raw.status, 200, "{sql}: {}", raw.text());
        assert!(!raw.body.is_empty(), "{sql}");
    }
    client.query("ALTER TABLE t ADD COLUMN m UInt8").execute().await.unwrap();
    client.query("DROP TABLE t").execute().await.unwrap();
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_04_line_breaks_and_semicolons_in_binary_data_stay_data() {
    let (stand, supervisor, client) = engine().await;
    client.query("CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY s").execute().await.unwrap();
    let evil = "\n\n; DROP TABLE t;\n\n\0'`\\";
    let mut data = vec![evil.len() as u8];
    data.extend_from_slice(evil.as_bytes());
    let insert = "INSERT INTO t FORMAT RowBinary";
    let raw = post(&stand.options.socket, &[("query", insert)], &data);
    assert_eq!(raw.status, 200, "{}", raw.text());
    // The same with the data behind the statement in one body.
    let together = [insert.as_bytes(), b"\n", &data].concat();
    let raw = post(&stand.options.socket, &[("insert_deduplicate", "0")], &together);
    assert_eq!(raw.status, 200, "{}", raw.text());
    assert_eq!(client.query("SELECT s FROM t").fetch_all::<String>().await.unwrap(), [evil, evil]);
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_05_compression_is_not_asked_for_and_refused_by_name() {
    let (stand, supervisor, client) = engine().await;
    assert_eq!(client.query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
    let raw = post(&stand.options.socket, &[("decompress", "1")], b"SELECT 1");
    assert_eq!(raw.status, 400);
    assert!(raw.text().contains("compression is not supported"), "{}", raw.text());
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_06_the_engine_ends_by_itself_and_not_by_a_signal() {
    let stand = Stand::new();
    let mut child = stand.spawn().await;
    stand.client().query("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    stand.client().query("SELECT throwIf(1)").execute().await.unwrap_err();
    // Trap 6 twice: the library installs no handlers, so that SIGTERM and panics are this program's own affair …
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
    let caught = u64::from_str_radix(caught, 16).unwrap();
    for (name, signal) in [("SIGINT", 2), ("SIGTERM", 15), ("SIGABRT", 6), ("SIGFPE", 8)] {
        assert_eq!(caught & (1 << (signal - 1)), 0, "{name} is caught");
    }
    // … and the store is closed before the process ends, so that it ends with 0 and not with SIGSEGV.
    drop(child.stdin.take());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert!(!stand.options.socket.exists());
}

#[tokio::test]
async fn trap_07_the_database_is_atomic_and_takes_refreshable_views() {
    let (_stand, supervisor, client) = engine().await;
    let engine = "SELECT engine FROM system.databases WHERE name = currentDatabase()";
    assert_eq!(client.query(engine).fetch_one::<String>().await.unwrap(), "Atomic");
    let view =
        "CREATE MATERIALIZED VIEW v REFRESH EVERY 1 HOUR ENGINE = MergeTree ORDER BY n AS SELECT 1 AS n";
    client.query(view).execute().await.unwrap();
    client.query("DROP TABLE v").execute().await.unwrap();
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_08_a_config_in_the_working_directory_is_not_read() {
    let stand = Stand::new();
    let users = stand.home.path().join("users.xml");
    std::fs::write(&users, USERS).unwrap();
    let config = format!("<clickhouse><users_config>{}</users_config></clickhouse>", users.display());
    std::fs::write(stand.home.path().join("config.xml"), config).unwrap();
    let mut child = stand.spawn().await;
    let setting = "SELECT toString(getSetting('max_execution_time'))";
    assert_eq!(stand.client().query(setting).fetch_one::<String>().await.unwrap(), "0");
    drop(child.stdin.take());
    child.wait().await.unwrap();
}

/// Users of a stranger, with a setting that shows.
const USERS: &str = "<clickhouse>
    <users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default></users>
    <profiles><default><max_execution_time>77</max_execution_time></default></profiles>
    <quotas><default></default></quotas>
</clickhouse>";

#[tokio::test]
async fn trap_09_the_exception_tag_is_random_and_ends_a_broken_stream() {
    let (stand, supervisor, _) = engine().await;
    let sql = b"SELECT number + throwIf(number = 4900000) FROM numbers(5000000)";
    let ask = || post(&stand.options.socket, &[("default_format", "RowBinaryWithNamesAndTypes")], sql);
    let (first, second) = (ask(), ask());
    let tag = |raw: &crate::stand::Raw| raw.headers["x-clickhouse-exception-tag"].clone();
    assert_ne!(tag(&first), tag(&second));
    assert_eq!(first.status, 200);
    let text = first.text();
    assert!(text.contains(&format!("\r\n__exception__\r\n{}\r\nCode: 395.", tag(&first))), "no block");
    assert!(text.ends_with(&format!(" {}\r\n__exception__\r\n", tag(&first))), "no end of the block");
    assert!(!first.complete, "a result that broke off must not end like a complete one");
    supervisor.stop().await;
}

#[tokio::test]
async fn trap_10_a_second_process_on_the_same_data_is_refused_with_a_sentence() {
    let (stand, supervisor, client) = engine().await;
    let mut second = stand.options.clone();
    second.socket = stand.home.path().join("second.sock");
    let child = tokio::process::Command::new(crate::stand::EXECUTABLE)
        .arg("engine")
        .args(second.arguments())
        .output()
        .await
        .unwrap();
    assert_eq!(child.status.code(), Some(1));
    let said = String::from_utf8(child.stderr).unwrap();
    assert!(said.contains("is in use by another process"), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert_eq!(client.query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
    supervisor.stop().await;
}

/// Found while building: a killed query's rows stay in its connection, and the next result on it begins with them.
#[tokio::test]
async fn trap_11_nothing_of_a_failed_query_reaches_the_next_one() {
    let (_stand, supervisor, client) = engine().await;
    for _ in 0..4 {
        let failing = client.clone().with_setting("max_block_size", "1");
        failing
            .query("SELECT throwIf(number = 50) FROM numbers(100) FORMAT TSV")
            .execute()
            .await
            .unwrap_err();
        let raw = client.query("SELECT 5").fetch_bytes("TSV").unwrap().collect().await.unwrap();
        assert_eq!(&raw[..], b"5\n");
    }
    supervisor.stop().await;
}
