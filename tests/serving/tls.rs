//! TLS without a proxy: a real handshake, a renewed certificate, a broken one.

use super::parts::config;
use crate::stack::{Stack, signal};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

type Pair = CertifiedKey<KeyPair>;
type Client = StreamOwned<ClientConnection, TcpStream>;

fn pair() -> Pair {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

fn write(folder: &Path, certificate: &Pair, key: &Pair) {
    fs::write(folder.join("chain.pem"), certificate.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.signing_key.serialize_pem()).unwrap();
}

/// A client that trusts this certificate alone.
fn client(stack: &Stack, trusted: &Pair) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, TcpStream::connect(stack.public).unwrap())
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
fn a_renewed_certificate_is_taken_without_a_restart_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (pair(), pair());
    write(folder.path(), &first, &first);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!("tls = {{ certificate = \"{}\", key = \"{}\" }}", at("chain.pem"), at("key.pem"));
    let stack = Stack::start_with_config(&config(&tls, ""));
    let mut kept = client(&stack, &first);
    let answer = ask(&mut kept).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    assert!(ask(&mut client(&stack, &second)).is_err(), "another certificate");

    let reload = |logged: &str| {
        signal(stack.process_id(), "HUP");
        stack.await_that(logged, || stack.log().contains(logged));
    };
    write(folder.path(), &second, &first);
    reload("The certificate on disk cannot be used");
    assert!(ask(&mut client(&stack, &first)).unwrap().starts_with("HTTP/1.1 200"));
    write(folder.path(), &second, &second);
    reload("The certificate was renewed");
    assert!(ask(&mut client(&stack, &second)).unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(&mut client(&stack, &first)).is_err(), "the former certificate");
    assert!(ask(&mut kept).unwrap().starts_with("HTTP/1.1 200"), "its connection goes on");
}

#[test]
fn a_check_looks_at_the_certificate_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kruimel.toml");
    let tls = "tls = { certificate = \"chain.pem\", key = \"key.pem\" }";
    fs::write(&file, config(tls, "")).unwrap();
    let check = || {
        let output = Command::new(env!("CARGO_BIN_EXE_kruimel")).arg("check").arg(&file).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (passed, told) = check();
    assert!(!passed && told.contains("chain.pem cannot be read") && told.contains("listen.tls"), "{told}");
    let (one, other) = (pair(), pair());
    write(folder.path(), &one, &other);
    let (passed, told) = check();
    assert!(!passed && told.contains("key.pem is not the key of"), "{told}");
    write(folder.path(), &one, &one);
    assert_eq!(check(), (true, String::new()));
}
