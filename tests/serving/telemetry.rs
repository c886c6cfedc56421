//! Traces over OTLP: a real receiver on loopback, what it gets and what it never gets, and one that is away.

use super::parts::{Open, config};
use crate::http::send;
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, signal};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];
const ADDRESS: &str = "198.51.100.77";
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) Zonnebril/4711";
const EMAIL: &str = "jan.janssen@example.org";
/// A shorter name of a machine may be among the random bytes of the traces' ids.
const HOST_NAME_BYTES_MIN: usize = 8;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A collector of traces that keeps what it is sent.
struct Receiver {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Receiver {
    fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, bodies) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let kept = Arc::clone(&bodies);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || receive(stream, &kept));
            }
        });
        Receiver { address, bodies }
    }

    fn raw(&self) -> Vec<u8> {
        self.bodies.lock().unwrap().concat()
    }

    fn resources(&self) -> Vec<ResourceSpans> {
        let bodies = self.bodies.lock().unwrap();
        let requests = bodies.iter().map(|body| ExportTraceServiceRequest::decode(&body[..]).unwrap());
        requests.flat_map(|one| one.resource_spans).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let scopes = self.resources().into_iter().flat_map(|one| one.scope_spans);
        scopes.flat_map(|one| one.spans).collect()
    }

    /// Every span as its name and status.
    fn told(&self) -> Vec<(String, Option<i64>)> {
        let status = |span: &Span| match find(&span.attributes, "http.response.status_code")? {
            Value::IntValue(status) => Some(status),
            _ => None,
        };
        self.spans().iter().map(|span| (span.name.clone(), status(span))).collect()
    }
}

fn find(attributes: &[KeyValue], key: &str) -> Option<Value> {
    attributes.iter().find(|one| one.key == key)?.value.clone()?.value
}

/// Reads requests and answers each that all was taken, until the client leaves.
fn receive(stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut line) = (Vec::new(), String::new());
        while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
            head.push(std::mem::take(&mut line).to_ascii_lowercase());
        }
        let Some(first) = head.first() else { return };
        assert!(first.starts_with("post /v1/traces http/1.1"), "{first}");
        assert!(head.iter().any(|line| line.trim() == "content-type: application/x-protobuf"), "{head:?}");
        let length = head.iter().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        let mut body = vec![0; length.trim().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        kept.lock().unwrap().push(body);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        reader.get_mut().write_all(answer).unwrap();
    }
}

fn start(endpoint: SocketAddr) -> Stack {
    Stack::start_with_config(&config("", &format!("[telemetry]\nendpoint = \"http://{endpoint}\"")))
}

fn counted(stack: &Stack, outcome: &str) -> u64 {
    let line = format!("kruimel_telemetry_spans_total{{outcome=\"{outcome}\"}} ");
    let metrics = stack.ask("/metrics");
    metrics.text().lines().find_map(|one| one.strip_prefix(line.as_str())?.parse().ok()).unwrap()
}

#[test]
fn spans_of_requests_arrive_and_nothing_of_who_sent_them() {
    let receiver = Receiver::start();
    let mut stack = start(receiver.address);
    let granted = stack.decide("accept", &ALL, "");
    let cookies = granted.cookies();
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let ask = |method: &str, path: &str, body: &str| {
        let headers = [
            ("origin", "http://localhost"),
            ("content-type", "text/plain"),
            ("cookie", cookies.as_str()),
            ("user-agent", USER_AGENT),
            ("x-forwarded-for", ADDRESS),
            ("traceparent", parent.as_str()),
            ("baggage", "who=jan.janssen"),
        ];
        send(stack.public, method, path, &headers, body.as_bytes())
    };
    let page = format!("/people/{EMAIL}");
    let taken = ask("POST", "/kruimel/events?who=jan.janssen", &batch(1, &page));
    assert_eq!(taken.status, 202, "{}", taken.text());
    assert_eq!(ask("GET", &format!("/kruimel/{EMAIL}"), "").status, 404);
    assert_eq!(ask("GET", &format!("/kruimel/a/b/{EMAIL}"), "").status, 404);
    assert_eq!(ask("JANJANSSEN", "/kruimel/privacy", "").status, 405);
    assert_eq!(stack.ask("/api/v1/overview?site=demo&period=7d").status, 200);
    let expected = [
        ("POST /kruimel/consent", 200),
        ("POST /kruimel/events", 202),
        ("GET /kruimel/{loader}", 404),
        ("GET", 404),
        ("_OTHER /kruimel/privacy", 405),
        ("GET /api/v1/overview", 200),
    ];
    for (name, status) in expected {
        let span = (name.to_owned(), Some(status));
        stack.await_that(&format!("{span:?} arrives"), || receiver.told().contains(&span));
    }
    let known = ["http.request.method", "http.route", "http.response.status_code"];
    for span in receiver.spans() {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
        assert!(span.parent_span_id.is_empty() && span.trace_id.len() == 16, "{span:?}");
        assert!(span.attributes.iter().all(|one| known.contains(&one.key.as_str())), "{span:?}");
    }
    let of_service = ["service.name", "service.version"];
    for resource in receiver.resources() {
        let mut attributes = resource.resource.unwrap().attributes;
        attributes.sort_by(|one, other| one.key.cmp(&other.key));
        assert!(attributes.iter().map(|one| one.key.as_str()).eq(of_service), "{attributes:?}");
    }
    // What is under way at a stop arrives too, or it is told that there was no time for it.
    let before = receiver.told().len();
    assert_eq!(ask("GET", "/kruimel/demo.js", "").status, 200);
    assert!(stack.stop().success(), "{}", stack.log());
    let arrived = receiver.told()[before..].contains(&("GET /kruimel/{loader}".to_owned(), Some(200)));
    assert!(arrived || stack.log().contains("did not take the last traces in time"), "{}", stack.log());

    let raw = receiver.raw();
    let text = String::from_utf8_lossy(&raw).to_ascii_lowercase();
    let host = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    // Of a machine that is named by a short text, or as what the traces may say, only its attribute would tell.
    let said =
        [&expected.map(|(name, _)| name)[..], &known, &of_service].concat().join(" ").to_ascii_lowercase();
    let host = (host.len() >= HOST_NAME_BYTES_MIN && !said.contains(&host)).then_some(host);
    let receipt: serde_json::Value = granted.json();
    let secrets = [
        ADDRESS,
        "198.51.100",
        "127.0.0.1",
        "zonnebril",
        "mozilla",
        EMAIL,
        "janssen",
        "people",
        "kruimel=",
        "00000000-0000-4000-8000",
        "nodename",
        receipt["consentId"].as_str().unwrap(),
    ];
    for secret in secrets.into_iter().chain(host.as_deref()) {
        assert!(!text.contains(&secret.to_ascii_lowercase()), "the traces hold {secret}");
    }
    let trace = u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes();
    assert!(!raw.windows(16).any(|bytes| bytes == trace), "an id that the client chose");
}

#[test]
fn an_endpoint_that_never_answers_keeps_nobody_waiting_and_what_is_lost_is_counted() {
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let stack = start(silent.local_addr().unwrap());
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let mut open = Open::to(stack.public);
    for _ in 0..3_000 {
        assert!(open.ask().starts_with("HTTP/1.1 200"));
    }
    stack.await_that("what finds no room is counted", || counted(&stack, "dropped") > 0);
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/page")).unwrap().status, 202);
    assert_eq!(counted(&stack, "exported"), 0);
    stack.await_that("it is said", || stack.log().contains("The endpoint of telemetry takes no traces"));
    assert_eq!(stack.log().matches("takes no traces").count(), 1, "once");
    // And a stop does not wait for it longer than it may.
    let mut stack = stack;
    signal(stack.process_id(), "TERM");
    assert!(stack.wait().success(), "{}", stack.log());
}

#[test]
fn without_an_endpoint_nothing_is_told() {
    let stack = Stack::start_with_config(&config("", ""));
    assert!(!stack.ask("/metrics").text().contains("kruimel_telemetry"));
}
