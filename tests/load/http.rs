//! HTTP/1.1 over connections that stay open, as thin as it goes: the load shares the machine with what it loads.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A connection that stays open.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends one request and reads its answer: the status.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 || self.answer.len() > ANSWER_BYTES_MAX {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if is_whole(&self.answer) {
                let status = self.answer.get(9..12).and_then(|text| std::str::from_utf8(text).ok());
                return status.and_then(|text| text.parse().ok()).ok_or(io::ErrorKind::InvalidData.into());
            }
        }
    }

    /// The answer that was read last, as text.
    pub(crate) fn answer(&self) -> &str {
        std::str::from_utf8(&self.answer).unwrap_or_default()
    }
}

/// Whether head and announced body are there.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let lines = answer[..head].split(|byte| *byte == b'\n');
    let length = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    let length =
        length.filter_map(|value| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok()).next();
    answer.len() >= head + 4 + length.unwrap_or(0)
}

/// Gets one text on a connection of its own.
pub(crate) async fn get(from: SocketAddr, path: &str) -> Option<String> {
    let mut connection = Connection::open(from).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {from}\r\n\r\n");
    connection.send(request.as_bytes()).await.ok()?;
    Some(connection.answer().split_once("\r\n\r\n")?.1.to_owned())
}
