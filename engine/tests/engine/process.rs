//! The engine as a process: started, killed, orphaned, missing.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use kruimel_engine::limits::STATEMENTS_OF_SOCKET_MAX;
use kruimel_engine::supervise::{Reason, State, SuperviseError, SuperviseOptions, Supervisor};
use kruimel_engine::{EngineError, library};
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use crate::stand::{EXECUTABLE, Stand, engine, process_id, request};

/// Longest wait for something that must come to pass.
const PATIENCE: Duration = Duration::from_secs(60);

fn kill(process_id: u32) {
    signal(process_id, "KILL");
}

/// Waits until the engine is in such a state.
async fn await_state(state: &mut Receiver<State>, is: impl FnMut(&State) -> bool) {
    timeout(PATIENCE, state.wait_for(is)).await.expect("it comes to pass within a minute").unwrap();
}

fn signal(process_id: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(process_id.to_string()).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_killed_engine_comes_back_with_everything_it_acknowledged() {
    let (_stand, supervisor, client) = engine().await;
    for migration in schema::MIGRATIONS {
        client.query(migration.sql).execute().await.unwrap();
    }
    let insert = "INSERT INTO rejections (site_id, hour, reason, count, expires) VALUES ('s', now(), 'r', 1, '2128-01-01')";
    let mut state = supervisor.state();
    let mut acknowledged = 0u64;
    for _ in 0..3 {
        for _ in 0..10 {
            client.clone().with_setting("insert_deduplicate", "0").query(insert).execute().await.unwrap();
            acknowledged += 1;
        }
        let old = process_id(&supervisor);
        kill(old);
        await_state(
            &mut state,
            |state| matches!(state, State::Answering { process_id } if *process_id != old),
        )
        .await;
        let sum = client.query("SELECT sum(count) FROM rejections").fetch_one::<u64>().await.unwrap();
        assert_eq!(sum, acknowledged);
    }
    supervisor.stop().await;
}

#[tokio::test]
async fn an_engine_that_answers_nothing_is_replaced() {
    let stand = Stand::new();
    let supervisor =
        Supervisor::start(SuperviseOptions { silence_max: Duration::from_secs(6), ..stand.supervise() });
    let supervisor = supervisor.await.unwrap();
    let mut state = supervisor.state();
    let old = process_id(&supervisor);
    signal(old, "STOP");
    await_state(&mut state, |state| *state == State::Restarting(Reason::Stuck)).await;
    await_state(&mut state, |state| matches!(state, State::Answering { .. })).await;
    assert_ne!(process_id(&supervisor), old);
    assert!(!std::path::Path::new(&format!("/proc/{old}")).exists());
    assert_eq!(stand.client().query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
    supervisor.stop().await;
}

#[tokio::test]
async fn an_engine_that_has_all_to_do_that_it_can_is_alive() {
    let (stand, supervisor, client) = engine().await;
    let slow = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";
    let running: Vec<_> = (0..2 * STATEMENTS_OF_SOCKET_MAX)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.query(slow).fetch_one::<u64>().await })
        })
        .collect();
    // Nobody else gets a turn: a question among the others goes unanswered.
    let others = || timeout(Duration::from_millis(300), client.query("SELECT 1").fetch_one::<u8>());
    while others().await.is_ok() {
        tokio::task::yield_now().await;
    }
    let socket = stand.options.socket.clone();
    let alive = tokio::task::spawn_blocking(move || request(&socket, "GET", "/alive", b""));
    assert_eq!(alive.await.unwrap().text(), "Ok.\n");
    supervisor.stop().await;
    for one in running {
        one.await.unwrap().unwrap_err();
    }
}

#[tokio::test]
async fn the_engine_ends_when_its_parent_is_killed() {
    let stand = Stand::new();
    let mut parent = Command::new(EXECUTABLE)
        .arg("parent")
        .args(stand.options.arguments())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let engine: u32 = line.trim().parse().unwrap();
    stand.client().query("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The engine holds this lock for as long as it lives; taking it waits for that.
    let lock = std::fs::File::open(stand.options.data.join("engine.lock")).unwrap();
    lock.lock().unwrap();
    assert!(!stand.options.socket.exists(), "the engine {engine} ended without cleaning up");
    lock.unlock().unwrap();
    let supervisor = stand.start().await;
    stand.client().query("INSERT INTO t VALUES (1)").execute().await.unwrap();
    supervisor.stop().await;
}

#[tokio::test]
async fn stopping_ends_the_process_and_a_later_start_finds_the_data() {
    let (stand, supervisor, client) = engine().await;
    client.query("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    client.query("INSERT INTO t VALUES (5)").execute().await.unwrap();
    let mut state = supervisor.state();
    supervisor.stop().await;
    assert_eq!(*state.borrow_and_update(), State::Stopped);
    assert!(!stand.options.socket.exists());
    let supervisor = stand.start().await;
    assert_eq!(client.query("SELECT n FROM t").fetch_all::<u8>().await.unwrap(), [5]);
    supervisor.stop().await;
}

#[tokio::test]
async fn what_runs_when_the_engine_is_stopped_is_finished() {
    let (_stand, supervisor, client) = engine().await;
    let slow = "SELECT sum(sleepEachRow(0.05)) + 7 FROM numbers(60) SETTINGS max_block_size = 1";
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.query(slow).fetch_one::<u64>().await }
    });
    let begun = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow(0.05)%' AND query NOT LIKE '%processes%'";
    while !running.is_finished() && client.query(begun).fetch_one::<u64>().await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    supervisor.stop().await;
    assert_eq!(running.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn what_never_ends_does_not_keep_the_engine_from_stopping_cleanly() {
    let stand = Stand::new();
    let mut child = stand.spawn().await;
    let forever = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";
    let running = tokio::spawn({
        let client = stand.client();
        async move { client.query(forever).fetch_one::<u64>().await }
    });
    let begun = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'";
    while stand.client().query(begun).fetch_one::<u64>().await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    drop(child.stdin.take());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    running.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_folder_in_use_is_an_error_of_its_own() {
    let (stand, supervisor, _) = engine().await;
    let refused = Supervisor::start(stand.supervise()).await.unwrap_err();
    assert!(matches!(refused, SuperviseError::Engine(EngineError::InUse { .. })), "{refused}");
    supervisor.stop().await;
}

#[tokio::test]
async fn a_missing_library_is_one_sentence_before_anything_is_started() {
    let mut stand = Stand::new();
    stand.options.library = Some(stand.home.path().join("nowhere.so"));
    let refused = Supervisor::start(stand.supervise()).await.unwrap_err().to_string();
    assert!(refused.contains("nowhere.so") && refused.contains("cargo xtask setup"), "{refused}");
    assert_eq!(refused.lines().count(), 1);
    let child = Command::new(EXECUTABLE).arg("engine").args(stand.options.arguments()).output().unwrap();
    assert_eq!(child.status.code(), Some(1));
    assert_eq!(String::from_utf8(child.stderr).unwrap().trim(), refused);
    assert!(!stand.options.data.exists() && !stand.options.socket.exists());
}

#[tokio::test]
async fn a_file_that_is_no_library_is_one_sentence_too() {
    let mut stand = Stand::new();
    let bogus = stand.home.path().join("libchdb.so");
    std::fs::write(&bogus, "not a library").unwrap();
    stand.options.library = Some(bogus);
    let child = Command::new(EXECUTABLE).arg("engine").args(stand.options.arguments()).output().unwrap();
    let said = String::from_utf8(child.stderr).unwrap();
    assert!(said.contains("cannot be loaded") && said.trim().lines().count() == 1, "{said}");
}

#[test]
fn the_library_is_found_where_it_was_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("any.so");
    library::locate(Some(&file)).unwrap_err();
    std::fs::write(&file, "").unwrap();
    assert_eq!(library::locate(Some(&file)).unwrap(), file);
}
