//! Two collectors with one key file and one store: either takes the other's receipts, both store, nothing is doubled, no ids
//! collide, and what is withdrawn at one is dead at the other.
//!
//! The second collector reaches the first one's engine as it would reach a ClickHouse server: over TCP, which this test
//! passes on to the engine's socket.

use super::config_with_store;
use super::load::ALL;
use crate::sender::{batch, try_batch};
use crate::stack::{SITE, Stack};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

/// Listens on TCP and passes every connection on to a Unix socket, for as long as the test runs.
fn pass_on(socket: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(engine) = UnixStream::connect(&socket) else { continue };
            thread::spawn(move || both_ways(&stream, &engine));
        }
    });
    address
}

fn both_ways(stream: &TcpStream, engine: &UnixStream) {
    // Whichever side ends first ends the other; what had ended already says so, and that is no matter.
    let ends = |copied: io::Result<u64>| {
        drop((copied, stream.shutdown(Shutdown::Both), engine.shutdown(Shutdown::Both)));
    };
    thread::scope(|scope| {
        scope.spawn(|| ends(io::copy(&mut &*stream, &mut &*engine)));
        scope.spawn(|| ends(io::copy(&mut &*engine, &mut &*stream)));
    });
}

/// The first with its own engine, the second with the first one's store and keys.
fn two() -> (Stack, Stack) {
    let first = Stack::start_with_config(&config_with_store(""));
    let engine = pass_on(first.data().join("engine/socket"));
    let keys = first.data().join("keys");
    let second =
        Stack::start_prepared(&config_with_store(&format!("url = \"http://{engine}\"")), |folder: &Path| {
            std::fs::create_dir_all(folder.join("data")).unwrap();
            std::fs::copy(&keys, folder.join("data/keys")).unwrap();
        });
    (first, second)
}

#[test]
fn two_collectors_with_one_key_store_side_by_side_and_nothing_is_doubled() {
    let (first, second) = two();
    let at_first = first.decide("accept", &ALL, "").cookies();
    let at_second = second.decide("accept", &ALL, "").cookies();
    // Each visitor's batches go to whichever collector is asked, and both collectors see the same numbers of segments.
    for number in 0..40 {
        let (stack, cookies) = if number % 2 == 0 { (&first, &at_second) } else { (&second, &at_first) };
        let answer = try_batch(stack.public, cookies, &batch(number, &format!("/both/{number}"))).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        if number % 10 < 2 {
            stack.await_drained();
        }
    }
    first.await_drained();
    second.await_drained();
    assert_eq!(first.count("SELECT count() FROM events WHERE path LIKE '/both/%'"), 40);
    assert_eq!(first.count("SELECT uniqExact(path) FROM events WHERE path LIKE '/both/%'"), 40);
    assert_eq!(first.count("SELECT uniqExact(consent_id) FROM events"), 2);
    let of_both = "SELECT count() FROM (SELECT segment_id FROM events GROUP BY segment_id \
                   HAVING uniqExact(consent_id) > 1)";
    assert_eq!(first.count(of_both), 0, "one id for the segments of two collectors");
    assert!(first.count("SELECT uniqExact(segment_id) FROM events") >= 4);
}

#[test]
#[ignore = "waits for the list of withdrawn receipts to be asked for, up to a minute: cargo xtask faults"]
fn what_is_withdrawn_at_one_collector_is_dead_at_the_other_within_a_minute() {
    let (first, second) = two();
    let cookies = first.decide("accept", &ALL, "").cookies();
    assert_eq!(try_batch(second.public, &cookies, &batch(1, "/alive")).unwrap().status, 202);
    second.await_drained();
    assert_eq!(first.decide("withdraw", &[], &cookies).status, 200, "{SITE}");
    let mut number = 1;
    second.await_that("the other collector hears of it", || {
        number += 1;
        let answer = try_batch(second.public, &cookies, &batch(number, "/late")).unwrap();
        answer.status == 403 && answer.json()["reason"] == "withdrawn_receipt"
    });
    first.await_count("SELECT count() FROM events WHERE path = '/alive'", 0);
}
