//! What no statement may reach: files and addresses of the machine, and anything at all when bound to reading.

use std::os::unix::fs::PermissionsExt;

use crate::stand::{engine, post, request, target};

#[tokio::test]
async fn no_statement_reaches_a_file_or_an_address() {
    let (stand, supervisor, client) = engine().await;
    client.query("CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY s").execute().await.unwrap();
    let out = stand.home.path().join("out");
    let secret = stand.home.path().join("secret");
    std::fs::write(&secret, "crown jewels\n").unwrap();
    let (out, secret) = (out.display().to_string(), secret.display().to_string());
    for sql in [
        format!("SELECT * FROM file('{secret}', 'LineAsString')"),
        format!("SELECT file('{secret}')"),
        format!("INSERT INTO t FROM INFILE '{secret}' FORMAT LineAsString"),
        format!("INSERT INTO FUNCTION file('{out}', 'CSV', 's String') VALUES ('x')"),
        format!("SELECT 1 INTO OUTFILE '{out}'"),
        format!("CREATE TABLE f (s String) ENGINE = File(LineAsString, '{secret}')"),
        "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 's String')".to_owned(),
        "CREATE TABLE u (s String) ENGINE = URL('http://127.0.0.1:9/', 'CSV')".to_owned(),
        "SELECT * FROM remote('127.0.0.1', 'system.one')".to_owned(),
        "SELECT * FROM mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')".to_owned(),
        "CREATE DICTIONARY d (s String) PRIMARY KEY s SOURCE(FILE(PATH '/etc/passwd' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)"
            .to_owned(),
        "CREATE FUNCTION f AS (x) -> x".to_owned(),
        "CREATE NAMED COLLECTION c AS a = 'b'".to_owned(),
        "SYSTEM SHUTDOWN".to_owned(),
    ] {
        let raw = post(&stand.options.socket, &[], sql.as_bytes());
        assert_eq!(raw.headers.get("x-clickhouse-exception-code").map(String::as_str), Some("497"), "{sql}: {}", raw.text());
        assert!(!raw.text().contains("jewels"), "{sql}");
    }
    assert!(!std::path::Path::new(&out).exists());
    let path_as_table = post(&stand.options.socket, &[], format!("SELECT * FROM `{secret}`").as_bytes());
    assert_eq!(path_as_table.status, 404, "{}", path_as_table.text());
    let in_default = post(
        &stand.options.socket,
        &[("database", "default")],
        format!("SELECT * FROM `{secret}`").as_bytes(),
    );
    assert_eq!(in_default.status, 403, "{}", in_default.text());
    supervisor.stop().await;
}

#[tokio::test]
async fn a_request_bound_to_reading_changes_nothing() {
    let (stand, supervisor, client) = engine().await;
    client.query("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    let socket = &stand.options.socket;
    for sql in [
        "INSERT INTO t VALUES (1)",
        "DROP TABLE t",
        "CREATE TABLE u (n UInt8) ENGINE = Memory",
        "SET max_threads = 1",
    ] {
        let bound = post(socket, &[("readonly", "1"), ("max_execution_time", "9")], sql.as_bytes());
        assert_eq!(bound.headers["x-clickhouse-exception-code"], "164", "{sql}: {}", bound.text());
        let get = request(socket, "GET", &target(&[("query", sql)]), b"");
        assert_eq!(get.headers["x-clickhouse-exception-code"], "164", "{sql}: {}", get.text());
    }
    let data = post(socket, &[("readonly", "1"), ("query", "INSERT INTO t FORMAT RowBinary")], b"\x01");
    assert_eq!(data.headers["x-clickhouse-exception-code"], "164");
    let reading = post(socket, &[("readonly", "1"), ("max_execution_time", "9")], b"SELECT count() FROM t");
    assert_eq!((reading.status, reading.text().as_str()), (200, "0\n"));
    let setting = post(socket, &[("readonly", "1")], b"SELECT 1 SETTINGS max_execution_time = 1");
    assert_eq!(setting.headers["x-clickhouse-exception-code"], "164", "{}", setting.text());
    supervisor.stop().await;
}

#[tokio::test]
async fn only_the_owner_reaches_socket_and_data() {
    let (stand, supervisor, _) = engine().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&stand.options.socket), 0o600);
    assert_eq!(mode(stand.options.socket.parent().unwrap()), 0o700);
    assert_eq!(mode(&stand.options.data), 0o700);
    assert_eq!(mode(&stand.options.data.join("users.xml")), 0o600);
    supervisor.stop().await;
}

#[tokio::test]
async fn the_caps_on_memory_and_threads_are_in_force() {
    let mut stand = crate::stand::Stand::new();
    stand.options.memory_bytes = Some(700 * 1024 * 1024);
    stand.options.threads = Some(3);
    let supervisor = stand.start().await;
    let client = stand.client();
    let memory = "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'";
    assert_eq!(client.query(memory).fetch_one::<String>().await.unwrap(), (700 * 1024 * 1024).to_string());
    let threads = "SELECT toString(getSetting('max_threads'))";
    assert_eq!(client.query(threads).fetch_one::<String>().await.unwrap(), "3");
    let merging = "SELECT name, value FROM system.server_settings WHERE name LIKE 'background_%' AND changed ORDER BY name";
    let merging = client.query(merging).fetch_all::<(String, String)>().await.unwrap();
    let one_thread_four_merges =
        [("background_merges_mutations_concurrency_ratio", "4"), ("background_pool_size", "1")];
    assert_eq!(merging, one_thread_four_merges.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let hungry = "SELECT length(groupArray(number)) FROM numbers(1000000000)";
    let error = client.query(hungry).fetch_all::<u64>().await.unwrap_err().to_string();
    assert!(error.contains("MEMORY_LIMIT_EXCEEDED"), "{error}");
    assert_eq!(client.query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
    supervisor.stop().await;
}
