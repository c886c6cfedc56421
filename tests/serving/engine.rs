//! The way into the engine: whoever else asks it, what the collector took in reaches it.

use super::parts::{batch_from, config, counted, start};
use crate::faults::side_by_side::{PASSWORD, engine_address};
use crate::http::send;
use crate::sender::{batch, try_batch};
use crate::stack::Stack;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];
const FLOODER: &str = "198.51.100.7";
/// Connections of a flood: more than the engine lets wait.
const FLOODERS: usize = 400;
/// Batches beside a flood.
const BATCHES: u64 = 8;

/// Connections that ask for the page of one's own data again and again.
struct Flood {
    over: Arc<AtomicBool>,
    /// Answers, and those of them that were not the page as ever.
    answers: Arc<[AtomicU64; 2]>,
    flooders: Vec<JoinHandle<()>>,
}

impl Flood {
    fn begin(to: SocketAddr, receipt: &str, network: impl Fn(usize) -> String) -> Flood {
        let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new([const { AtomicU64::new(0) }; 2]));
        let flooders = (0..FLOODERS).map(|number| {
            let request = format!(
                "GET /kruimel/privacy?lang=en HTTP/1.1\r\nhost: localhost\r\ncookie: {receipt}\r\nx-forwarded-for: {}\r\n\r\n",
                network(number)
            );
            let (over, answers) = (Arc::clone(&over), Arc::clone(&answers));
            std::thread::spawn(move || {
                let mut stream = BufReader::new(TcpStream::connect(to).unwrap());
                while !over.load(Ordering::Relaxed) {
                    stream.get_mut().write_all(request.as_bytes()).unwrap();
                    let status = read_answer(&mut stream).0;
                    answers[0].fetch_add(1, Ordering::Relaxed);
                    answers[1].fetch_add(u64::from(status != 200), Ordering::Relaxed);
                }
            })
        });
        Flood { flooders: flooders.collect(), over, answers }
    }

    fn answers(&self) -> u64 {
        self.answers[0].load(Ordering::Relaxed)
    }

    /// Ends it; how many were told to come again.
    fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.flooders.into_iter().for_each(|one| one.join().unwrap());
        self.answers[1].load(Ordering::Relaxed)
    }
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> (u16, String) {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let at = head.len();
        assert!(stream.read_line(&mut head).unwrap() > 0, "it was cut off after {head}");
        let line = head[at..].trim().to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = bytes.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
}

/// Sends batches of an ordinary visitor, each answered as ever, and waits until they are in the store.
fn assert_stored(stack: &Stack, receipt: &str) {
    for number in 0..BATCHES {
        let answer = batch_from(stack.public, "192.0.2.1", receipt, &batch(number, "/page"));
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    stack.await_drained();
    assert_eq!(counted(stack, "kruimel_drain_failures_total"), 0);
}

#[test]
fn a_flood_of_pages_that_ask_the_store_keeps_no_row_from_it() {
    let stack = start("");
    let receipt = stack.decide("accept", &ALL, "").cookies();
    let flood =
        Flood::begin(stack.public, &receipt, |number| format!("10.{}.{}.1", number / 250, number % 250));
    stack.await_that("the flood is there", || flood.answers() > FLOODERS as u64);
    assert_stored(&stack, &receipt);
    assert!(flood.end() > 0, "some were told to come again");
    assert_eq!(stack.count("SELECT count() FROM events"), BATCHES);
}

#[test]
fn a_network_that_looks_too_often_is_told_to_come_again_and_can_withdraw() {
    let stack = start("rate = { pages_per_second = 1 }");
    let receipt = stack.decide("accept", &ALL, "").cookies();
    let ask = |method: &str, path: &str, address: &str, cookies: &str, body: &str| {
        let headers = [
            ("origin", "http://localhost"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "localhost"),
            ("cookie", cookies),
            ("x-forwarded-for", address),
        ];
        send(stack.public, method, path, &headers, body.as_bytes())
    };
    let page = "/kruimel/privacy?lang=en";
    let look = |address: &str, cookies: &str| ask("GET", page, address, cookies, "");
    assert!((0..5).all(|_| look(FLOODER, &receipt).status == 200));
    // A look comes back each second, so that on a slow machine it takes more of them.
    let look_too_often = |path: &str| {
        let mut answer = ask("GET", path, FLOODER, &receipt, "");
        stack.await_that("a look is limited", || {
            if answer.status != 429 {
                answer = ask("GET", path, FLOODER, &receipt, "");
            }
            answer.status == 429
        });
        answer
    };
    let limited = look_too_often(page);
    assert_eq!(limited.headers.iter().find(|(name, _)| name == "retry-after").unwrap().1, "5");
    let program = look_too_often(&format!("{page}&format=json"));
    assert_eq!(program.json()["reason"], "too_many_requests");
    for (address, cookies) in [("192.0.2.1", receipt.as_str()), (FLOODER, "")] {
        let answer = look(address, cookies);
        assert_eq!(answer.status, 200, "another network, and who has the store asked nothing");
    }
    assert_eq!(counted(&stack, "kruimel_pages_put_off_total"), 2);
    // The form is on that page too.
    let token = limited.text().split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let erased = ask("POST", page, FLOODER, &receipt, &format!("token={token}&revision=1&action=erase"));
    assert_eq!(erased.status, 303, "{}", erased.text());
}

/// An insert of which no more comes than its beginning.
fn half_an_insert(engine: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(engine).unwrap();
    let head = format!(
        "POST /?query=INSERT+INTO+rejections+FORMAT+RowBinary HTTP/1.1\r\nhost: engine\r\n\
         x-clickhouse-key: {PASSWORD}\r\ncontent-length: 1000000\r\n\r\n0"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn statements_that_never_end_keep_no_row_from_the_store() {
    let listen = format!("[store]\nlisten = \"127.0.0.1:0\"\nlisten_password = \"{PASSWORD}\"");
    let stack = Stack::start_with_config(&config("", &listen));
    let receipt = stack.decide("accept", &ALL, "").cookies();
    stack.await_drained();
    let engine = engine_address(&stack);
    let _halves: Vec<TcpStream> = (0..64).map(|_| half_an_insert(engine)).collect();
    // Whoever comes over TCP too gets no turn any more.
    stack.await_that("every turn of those outside is taken", || {
        let mut stream = TcpStream::connect(engine).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        let ask =
            format!("GET /?query=SELECT+1 HTTP/1.1\r\nhost: engine\r\nx-clickhouse-key: {PASSWORD}\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        stream.read(&mut [0]).is_err()
    });
    assert_eq!(try_batch(stack.public, &receipt, &batch(0, "/page")).unwrap().status, 202);
    stack.await_drained();
    assert_eq!(stack.count("SELECT count() FROM events"), 1);
}
