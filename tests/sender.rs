//! Batches as the tracker sends them, and a load of them that remembers what was acknowledged.

use crate::http::{Answer, try_send};
use crate::stack::{SITE, USER_AGENT};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

/// A batch with one page view of a path.
pub(crate) fn batch(number: u64, path: &str) -> String {
    batch_with(number, path, &[r#"{"seq":1,"kind":"view","age_ms":0}"#])
}

/// A batch with the given events.
pub(crate) fn batch_with(number: u64, path: &str, events: &[&str]) -> String {
    format!(
        r#"{{"v":1,"batch":"00000000-0000-4000-8000-{number:012x}","site":"{SITE}","page":{{"view":"{view:016x}","host":"localhost",
        "path":"{path}","title":"A page","referrer":"https://www.google.be/"}},"client":{{"visit":"00000000000000bb",
        "language":"nl-BE","time_zone":"Europe/Brussels","viewport_width":1280}},"events":[{events}]}}"#,
        view = number + 1,
        events = events.join(",")
    )
}

/// The same batch as its browser sends it once more, having heard no answer.
pub(crate) fn again(batch: &str) -> String {
    batch.replacen("{\"v\":1,", "{\"v\":1,\"retry\":true,", 1)
}

/// Sends a batch to a server that may be dying.
pub(crate) fn try_batch(to: SocketAddr, cookies: &str, body: &str) -> std::io::Result<Answer> {
    let headers = [
        ("origin", "http://localhost"),
        ("content-type", "text/plain"),
        ("cookie", cookies),
        ("user-agent", USER_AGENT),
    ];
    try_send(to, "POST", "/kruimel/events", &headers, body.as_bytes())
}

/// Sends a batch and leaves without reading the answer. The connection stays open until it is dropped.
pub(crate) fn send_and_leave(to: SocketAddr, cookies: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    let head = format!(
        "POST /kruimel/events HTTP/1.1\r\nhost: {to}\r\norigin: http://localhost\r\ncontent-type: text/plain\r\n\
         user-agent: {USER_AGENT}\r\ncookie: {cookies}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}
