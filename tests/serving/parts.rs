//! A config with further keys of `[listen]`, connections that are kept open, and certificates.

use crate::http::{Answer, send};
use crate::stack::{Stack, USER_AGENT};
use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use std::fs;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A certificate and its key.
pub(super) type Pair = CertifiedKey<KeyPair>;

/// Longest wait for bytes.
const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// The demo's site behind a proxy on this machine, with further lines of `[listen]` and sections after it.
pub(crate) fn config(listen: &str, more: &str) -> String {
    format!(
        "[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1\"]\n{listen}\n\
         [[site]]\nid = \"demo\"\nname = \"Kaaidam\"\nhosts = [\"localhost\"]\ncontroller = \"City of Kaaidam\"\n\
         contact = \"Grote Kaai 1\"\ntime_zone = \"Europe/Brussels\"\n{more}\n"
    )
}

/// A server with that config.
pub(super) fn start(listen: &str) -> Stack {
    Stack::start_with_config(&config(listen, ""))
}

/// A batch as a visitor of that address sends it through the proxy.
pub(super) fn batch_from(to: SocketAddr, address: &str, cookies: &str, body: &str) -> Answer {
    let headers = [
        ("origin", "http://localhost"),
        ("content-type", "text/plain"),
        ("cookie", cookies),
        ("user-agent", USER_AGENT),
        ("x-forwarded-for", address),
    ];
    send(to, "POST", "/kruimel/events", &headers, body.as_bytes())
}

/// The value of a line of the metrics; zero where it is not there.
pub(super) fn counted(stack: &Stack, line: &str) -> u64 {
    let metrics = send(stack.admin, "GET", "/metrics", &[], b"");
    let found = metrics.text().lines().find_map(|one| one.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or(0)
}

/// A connection that stays open.
pub(super) struct Open(BufReader<TcpStream>);

impl Open {
    pub(super) fn to(address: SocketAddr) -> Open {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(READ_TIME_MAX)).unwrap();
        Open(BufReader::new(stream))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Asks whether the loader is there, and reads the answer's head; the connection stays open.
    pub(super) fn ask(&mut self) -> String {
        self.write(b"HEAD /kruimel/demo.js HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        self.read_head()
    }

    /// Reads an answer's head; what was read where the connection ends before it is whole.
    pub(super) fn read_head(&mut self) -> String {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && self.0.read(&mut byte).is_ok_and(|bytes| bytes > 0) {
            head.extend(byte);
        }
        String::from_utf8(head).unwrap()
    }

    /// Waits until the server ends the connection; what it said before.
    pub(super) fn read_to_end(&mut self) -> String {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("it is still open: {error}"),
            _ => String::from_utf8(rest).unwrap(),
        }
    }
}

/// A certificate of localhost that began so many days ago and ends in so many seconds.
pub(super) fn pair(days_old: i64, seconds_left: i64) -> Pair {
    let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let now = OffsetDateTime::now_utc();
    parameters.not_before = now - time::Duration::days(days_old);
    parameters.not_after = now + time::Duration::seconds(seconds_left);
    let signing_key = KeyPair::generate().unwrap();
    Pair { cert: parameters.self_signed(&signing_key).unwrap(), signing_key }
}

/// The files of a certificate in a folder of their own.
pub(crate) struct TlsFiles {
    folder: TempDir,
    pair: Pair,
}

impl TlsFiles {
    /// Of a certificate that holds for a year.
    pub(crate) fn new() -> TlsFiles {
        TlsFiles::of(pair(1, 365 * 86_400))
    }

    pub(super) fn of(pair: Pair) -> TlsFiles {
        let files = TlsFiles { folder: tempfile::tempdir().unwrap(), pair };
        files.write(&files.pair, &files.pair);
        files
    }

    /// The key of `[listen]`.
    pub(crate) fn key(&self) -> String {
        let at = |name: &str| self.path().join(name).display().to_string();
        format!("tls = {{ certificate = \"{}\", key = \"{}\" }}", at("chain.pem"), at("key.pem"))
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Other files in their place: one's certificate with the other's key.
    pub(super) fn write(&self, certificate: &Pair, key: &Pair) {
        fs::write(self.path().join("chain.pem"), certificate.cert.pem()).unwrap();
        fs::write(self.path().join("key.pem"), key.signing_key.serialize_pem()).unwrap();
    }

    /// A client that trusts this certificate alone and offers these protocols.
    pub(super) fn connector(&self, protocols: &[&[u8]]) -> TlsConnector {
        let mut config = trusting(&self.pair);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config).into()
    }
}

/// What a client needs that trusts this certificate alone.
pub(super) fn trusting(trusted: &Pair) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(roots).with_no_client_auth()
}
