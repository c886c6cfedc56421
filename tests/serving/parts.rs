//! A config with further keys of `[listen]`, and connections that are kept open.

use crate::http::Answer;
use crate::stack::{Stack, USER_AGENT};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for bytes.
const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// The demo's site behind a proxy on this machine, with further lines of `[listen]` and sections after it.
pub(super) fn config(listen: &str, more: &str) -> String {
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
    crate::http::send(to, "POST", "/kruimel/events", &headers, body.as_bytes())
}

/// A connection that stays open.
pub(super) struct Open(TcpStream);

impl Open {
    pub(super) fn to(address: SocketAddr) -> Open {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(READ_TIME_MAX)).unwrap();
        Open(stream)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)
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
