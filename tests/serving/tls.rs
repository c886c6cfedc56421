//! TLS without a proxy: a real handshake, a renewed certificate, a broken one.

use super::parts::{Open, Pair, TlsFiles, config, pair, trusting};
use crate::stack::{Stack, signal};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

type Client = StreamOwned<ClientConnection, TcpStream>;

fn whole_year() -> Pair {
    pair(1, 365 * 86_400)
}

/// A client that trusts this certificate alone.
fn client(stack: &Stack, trusted: &Pair) -> Client {
    let config = Arc::new(trusting(trusted));
    let connection = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, TcpStream::connect(stack.public).unwrap())
}

fn reload(stack: &Stack, logged: &str) {
    let before = stack.log().matches(logged).count();
    signal(stack.process_id(), "HUP");
    stack.await_that(logged, || stack.log().matches(logged).count() > before);
}

fn gauge(stack: &Stack, name: &str) -> i64 {
    let metrics = stack.ask("/metrics");
    let value = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not in\n{}", metrics.text()))
}

fn ask(client: &mut Client) -> std::io::Result<String> {
    client.write_all(b"HEAD /kruimel/demo.js HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte)? > 0 {
        head.extend(byte);
    }
    Ok(String::from_utf8(head).unwrap())
}

#[test]
fn a_stop_waits_for_nobody_who_never_began_to_shake_hands() {
    let files = TlsFiles::new();
    let mut stack = Stack::start_with_config(&config(&format!("{}\nheader_seconds = 60", files.key()), ""));
    let mut silent = Open::to(stack.public);
    let mut client = client(&stack, files.pair());
    // Whoever comes later is served, so the silent one was let in.
    assert!(ask(&mut client).unwrap().starts_with("HTTP/1.1 200"));
    signal(stack.process_id(), "TERM");
    assert_eq!(silent.read_to_end(), "");
    assert!(stack.wait().success(), "{}", stack.log());
    assert!(!stack.log().contains("did not finish in time"), "{}", stack.log());
}

#[test]
fn a_renewed_certificate_is_taken_without_a_restart_and_a_broken_one_is_not() {
    let files = TlsFiles::new();
    let (first, second) = (files.pair(), &whole_year());
    let stack = Stack::start_with_config(&config(&files.key(), ""));
    let mut kept = client(&stack, first);
    let answer = ask(&mut kept).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    assert!(ask(&mut client(&stack, second)).is_err(), "another certificate");

    files.write(second, first);
    reload(&stack, "The certificate on disk cannot be used");
    assert!(ask(&mut client(&stack, first)).unwrap().starts_with("HTTP/1.1 200"));
    files.write(second, second);
    reload(&stack, "The certificate was renewed");
    assert!(ask(&mut client(&stack, second)).unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(&mut client(&stack, first)).is_err(), "the former certificate");
    assert!(ask(&mut kept).unwrap().starts_with("HTTP/1.1 200"), "its connection goes on");
}

#[test]
fn a_certificate_near_its_end_is_said_and_counted_and_a_renewed_one_ends_that() {
    // Ten days old, and an hour is left.
    let files = TlsFiles::of(pair(10, 3_600));
    let stack = Stack::start_with_config(&config(&files.key(), ""));
    stack.await_that("it is said", || stack.log().contains("The certificate expires soon"));
    let left = gauge(&stack, "kruimel_tls_certificate_expires_seconds");
    assert!((3_000..=3_600).contains(&left), "{left}");
    assert_eq!(gauge(&stack, "kruimel_tls_certificate_lifetime_seconds"), 10 * 86_400 + 3_600);
    // Once a day is enough.
    reload(&stack, "is in force");
    assert_eq!(stack.log().matches("The certificate expires soon").count(), 1);

    let renewed = whole_year();
    files.write(&renewed, &renewed);
    reload(&stack, "The certificate was renewed");
    assert!(gauge(&stack, "kruimel_tls_certificate_expires_seconds") > 364 * 86_400);
    // One that is over already is said louder.
    let over = pair(90, -7_200);
    files.write(&over, &over);
    reload(&stack, "The certificate has expired");
    assert!(gauge(&stack, "kruimel_tls_certificate_expires_seconds") < -7_000);
}

#[test]
fn other_files_of_a_certificate_are_taken_while_it_runs_whole_or_not_at_all() {
    let (one, other) = (TlsFiles::new(), TlsFiles::new());
    let stack = Stack::start_with_config(&config(&one.key(), ""));
    let file = stack.data().parent().unwrap().join("kruimel.toml");
    let mut kept = client(&stack, one.pair());
    assert!(ask(&mut kept).unwrap().starts_with("HTTP/1.1 200"));
    let name = |tls: &str, logged: &str| {
        fs::write(&file, config(tls, "")).unwrap();
        reload(&stack, logged);
    };
    name(&other.key().replace("key.pem", "none.pem"), "none.pem cannot be read as a private key");
    assert!(ask(&mut client(&stack, one.pair())).unwrap().starts_with("HTTP/1.1 200"));
    name(&other.key(), "The config was read again and is in force");
    assert!(ask(&mut client(&stack, other.pair())).unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(&mut client(&stack, one.pair())).is_err(), "the former certificate");
    assert!(ask(&mut kept).unwrap().starts_with("HTTP/1.1 200"), "its connection goes on");
    // It is those files that are looked at from then on.
    let renewed = whole_year();
    other.write(&renewed, &renewed);
    reload(&stack, "The certificate was renewed");
    assert!(ask(&mut client(&stack, &renewed)).unwrap().starts_with("HTTP/1.1 200"));
    // Without TLS at all it would be another socket.
    name("", "listen.tls cannot change while the collector runs");
}

#[test]
fn a_check_looks_at_the_certificate_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kruimel.toml");
    let tls = "tls = { certificate = \"chain.pem\", key = \"key.pem\" }";
    fs::write(&file, config(tls, "")).unwrap();
    let write = |certificate: &Pair, key: &Pair| {
        fs::write(folder.path().join("chain.pem"), certificate.cert.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key.signing_key.serialize_pem()).unwrap();
    };
    let check = || {
        let output = Command::new(env!("CARGO_BIN_EXE_kruimel")).arg("check").arg(&file).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (passed, told) = check();
    assert!(!passed && told.contains("chain.pem cannot be read") && told.contains("listen.tls"), "{told}");
    let (one, other) = (whole_year(), whole_year());
    write(&one, &other);
    let (passed, told) = check();
    assert!(!passed && told.contains("key.pem is not the key of"), "{told}");
    write(&one, &one);
    assert_eq!(check(), (true, String::new()));
}
