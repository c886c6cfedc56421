//! Those who abuse: on a thread of their own, so that what measures ordinary visitors does not wait for them, which has the
//! processors only when nobody else wants them, as if they were elsewhere.
//!
//! In: a kind, a server on loopback. Out: how they were answered. Invariants: their number and their time are bounded; where
//! they stand for visitors behind a proxy, they name addresses that no ordinary visitor has.

use crate::drive::{Material, Random};
use crate::http::Connection;
use crate::server::{HOST, SITE};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Connections that send slowly: one half their heads, the other their bodies.
const SLOW: usize = 200;
/// Pause between two bytes of such a one.
const BYTE_PAUSE: Duration = Duration::from_millis(250);
/// Connections that send as fast as they are answered, where nothing else is asked for.
pub(crate) const FLOODING: usize = 512;
/// Connections that are kept open and not used.
const IDLE: usize = 1_000;
/// Most different addresses in all rounds.
const ADDRESSES_MAX: u32 = 10_000_000;
/// The next that nobody had yet.
static NEXT_ADDRESS: AtomicU32 = AtomicU32::new(0);
/// The next connection of a flood.
static NEXT_FLOODER: AtomicU64 = AtomicU64::new(0);
/// The one address of a flood.
const FLOODER: &str = "198.51.100.7";
/// Their priority: the lowest there is. Abusers elsewhere take no processor time from the server by being there.
const NICE: i32 = 19;
/// Longest wait for abusers to be in their places.
const READY_TIME_MAX: Duration = Duration::from_secs(60);

/// What goes on beside ordinary visitors.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Nothing,
    SlowLoris,
    Flood,
    Addresses,
    KeepAlive,
}

impl Kind {
    pub(crate) const ALL: [Kind; 5] =
        [Kind::Nothing, Kind::SlowLoris, Kind::Flood, Kind::Addresses, Kind::KeepAlive];

    pub(crate) fn name(self, flooding: usize) -> String {
        match self {
            Kind::Nothing => "nothing".to_owned(),
            Kind::SlowLoris => format!("{SLOW} slow-loris connections"),
            Kind::Flood => format!("a flood from one address, {flooding} connections"),
            Kind::Addresses => format!("a new address with each request, {flooding} connections"),
            Kind::KeepAlive => format!("{IDLE} idle keep-alive connections"),
        }
    }
}

/// How abusers were answered.
#[derive(Default)]
pub(crate) struct Tally {
    /// By status.
    answers: BTreeMap<u16, u64>,
    /// How long each 202 took, and each other answer, in microseconds.
    taken_us: Vec<u32>,
    refused_us: Vec<u32>,
    opened: u64,
    cut_off: u64,
    addresses: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
        self.taken_us.extend(other.taken_us);
        self.refused_us.extend(other.refused_us);
        self.opened += other.opened;
        self.cut_off += other.cut_off;
        self.addresses += other.addresses;
    }

    /// Batches of theirs that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.answers.get(&202).copied().unwrap_or(0)
    }

    /// In words.
    pub(crate) fn tell(&self) -> String {
        let mut told = Vec::new();
        if self.opened > 0 {
            told.push(format!("{} connections opened, {} cut off", self.opened, self.cut_off));
        }
        if self.addresses > 0 {
            told.push(format!("{} different addresses", self.addresses));
        }
        told.extend(self.answers.iter().map(|(status, count)| format!("{status}: {count}")));
        for (what, times_us) in [("202", &self.taken_us), ("the rest", &self.refused_us)] {
            let mut sorted = times_us.clone();
            sorted.sort_unstable();
            if let Some(us) = sorted.get(sorted.len() * 99 / 100) {
                told.push(format!("p99 of {what}: {:.1} ms", f64::from(*us) / 1e3));
            }
        }
        told.join("; ")
    }

    fn answered(&mut self, status: u16, since: Instant) {
        *self.answers.entry(status).or_default() += 1;
        let times_us = if status == 202 { &mut self.taken_us } else { &mut self.refused_us };
        times_us.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

/// Abuse that goes on.
pub(crate) struct Abuse {
    thread: std::thread::JoinHandle<()>,
    stop: CancellationToken,
    tally: Arc<Mutex<Tally>>,
}

/// What each abuser has.
#[derive(Clone)]
struct Part {
    server: SocketAddr,
    material: Arc<Material>,
    flooding: usize,
    tally: Arc<Mutex<Tally>>,
}

impl Abuse {
    /// Begins, and returns when all are in their places.
    pub(crate) async fn begin(
        kind: Kind,
        server: SocketAddr,
        material: &Arc<Material>,
        flooding: usize,
    ) -> Abuse {
        let (stop, ready, tally) = (CancellationToken::new(), CancellationToken::new(), Arc::default());
        let part = Part { server, material: Arc::clone(material), flooding, tally: Arc::clone(&tally) };
        let (stopped, placed) = (stop.clone(), ready.clone());
        let thread = std::thread::spawn(move || {
            // Of this thread alone, on Linux.
            rustix::process::nice(NICE).expect("a lower priority is always granted");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(part.go_on(kind, &placed, &stopped));
        });
        timeout(READY_TIME_MAX, ready.cancelled()).await.expect("the abusers find their places");
        Abuse { thread, stop, tally }
    }

    /// Ends it; how they were answered.
    pub(crate) fn end(self) -> Tally {
        self.stop.cancel();
        self.thread.join().expect("an abuser does not panic");
        std::mem::take(&mut self.tally.lock().unwrap())
    }
}

impl Part {
    async fn go_on(self, kind: Kind, placed: &CancellationToken, stop: &CancellationToken) {
        let mut parts = JoinSet::new();
        match kind {
            Kind::Nothing => {}
            Kind::SlowLoris => {
                for number in 0..SLOW {
                    let stream = self.begin_slowly(number).await.expect("a connection");
                    parts.spawn(self.clone().dribble(number, stream));
                }
            }
            Kind::Flood | Kind::Addresses => {
                for _ in 0..self.flooding {
                    parts.spawn(self.clone().flood(kind, stop.clone()));
                }
            }
            Kind::KeepAlive => {
                for _ in 0..IDLE {
                    let kept = self.keep_alive().await.expect("a connection is kept");
                    parts.spawn(async move {
                        let _kept = kept;
                        std::future::pending::<()>().await;
                    });
                }
            }
        }
        placed.cancel();
        stop.cancelled().await;
        // What was sent is answered, so that what was acknowledged can be counted.
        if matches!(kind, Kind::Flood | Kind::Addresses) {
            while parts.join_next().await.is_some() {}
        }
    }

    async fn keep_alive(&self) -> io::Result<Connection> {
        let mut connection = Connection::open(self.server).await?;
        let request = format!("GET /kruimel/{SITE}.js HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        let status = connection.send(request.as_bytes()).await?;
        let mut tally = self.tally.lock().unwrap();
        tally.opened += 1;
        *tally.answers.entry(status).or_default() += 1;
        Ok(connection)
    }

    /// Opens a connection and sends the beginning of a head, or of a body.
    async fn begin_slowly(&self, number: usize) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.server).await?;
        let head = format!("POST /kruimel/events HTTP/1.1\r\nhost: {}\r\n", self.server);
        let rest = if number.is_multiple_of(2) {
            "x-slow: "
        } else {
            "content-type: text/plain\r\ncontent-length: 4000\r\n\r\n{"
        };
        stream.write_all(format!("{head}{rest}").as_bytes()).await?;
        self.tally.lock().unwrap().opened += 1;
        Ok(stream)
    }

    /// Byte by byte, and anew when it is cut off.
    async fn dribble(self, number: usize, mut stream: TcpStream) {
        loop {
            let mut answer = [0; 512];
            let is_cut_off = match stream.try_read(&mut answer) {
                Ok(bytes) => {
                    let status =
                        answer.get(9..12).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
                    if let Some(status) = status.filter(|_| bytes > 12) {
                        *self.tally.lock().unwrap().answers.entry(status).or_default() += 1;
                    }
                    true
                }
                Err(error) => {
                    error.kind() != io::ErrorKind::WouldBlock || stream.write_all(b"a").await.is_err()
                }
            };
            if is_cut_off {
                self.tally.lock().unwrap().cut_off += 1;
                match self.begin_slowly(number).await {
                    Ok(another) => stream = another,
                    Err(_) => return,
                }
            }
            sleep(BYTE_PAUSE).await;
        }
    }

    /// Sends batches as fast as they are answered: from one address with its visitor's consent, or each from another
    /// without one.
    async fn flood(self, kind: Kind, stop: CancellationToken) {
        // Of each flood other batches: what another round sent before would be told apart as repeated.
        let flooder = NEXT_FLOODER.fetch_add(1, Ordering::Relaxed);
        let mut random = Random::new(1_000_000_000 + flooder);
        let mut connection = Connection::open(self.server).await.expect("a connection");
        let mut request = Vec::with_capacity(8 * 1024);
        while !stop.is_cancelled() {
            let address = match kind {
                Kind::Addresses => {
                    let next = NEXT_ADDRESS.fetch_add(1, Ordering::Relaxed);
                    if next >= ADDRESSES_MAX {
                        return;
                    }
                    self.tally.lock().unwrap().addresses += 1;
                    new_address(next)
                }
                _ => FLOODER.to_owned(),
            };
            let page = &self.material.pages[random.below(self.material.pages.len() as u64) as usize];
            request.clear();
            request.extend_from_slice(&self.head(&address, matches!(kind, Kind::Flood)));
            page.write(&mut request, &mut random);
            let since = Instant::now();
            match connection.send(&request).await {
                Ok(status) => self.tally.lock().unwrap().answered(status, since),
                Err(_) => {
                    self.tally.lock().unwrap().cut_off += 1;
                    let Ok(another) = Connection::open(self.server).await else { return };
                    connection = another;
                }
            }
        }
    }

    /// A visitor's head from another address, with their cookies or without.
    fn head(&self, address: &str, with_cookies: bool) -> Vec<u8> {
        let text = std::str::from_utf8(&self.material.visitors[0].head).expect("a head is text");
        let mut head = String::with_capacity(text.len() + 16);
        for line in text.split_inclusive("\r\n") {
            match line.split_once(": ") {
                Some(("X-Forwarded-For", _)) => head += &format!("X-Forwarded-For: {address}\r\n"),
                Some(("Cookie", _)) if !with_cookies => {}
                _ => head += line,
            }
        }
        head.into_bytes()
    }
}

/// Addresses of different networks, every other one of IPv6.
fn new_address(number: u32) -> String {
    let place = number / 2;
    match number % 2 {
        0 => Ipv4Addr::from_bits(0x8000_0000 + (place << 8) + 1).to_string(),
        _ => format!("2600:{:x}:{:x}::1", place >> 16, place & 0xffff),
    }
}
