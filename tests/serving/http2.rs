//! HTTP/2, over TLS and without: what holds for HTTP/1.1 holds here, and streams that are opened and reset hurt nobody.

use super::parts::{TlsFiles, config, start};
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, USER_AGENT};
use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use hyper::http::{Method, Request, Version};
use hyper::{HeaderMap, StatusCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];
/// Longest wait for an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Streams that a flooding connection opens in one go.
const UNDER_WAY: u64 = 16;
/// Places for requests, and for those whose bodies are waited for: twice what two connections can take at once.
const REQUESTS_MAX: u64 = 128;

type Client = SendRequest<Bytes>;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Begins to speak HTTP/2 on a stream, and returns when the server told its settings.
async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> Client {
    let (client, connection): (Client, Connection<S>) = h2::client::handshake(stream).await.unwrap();
    // How it ends is seen by its requests.
    tokio::spawn(async move { drop(connection.await) });
    client.ready().await.unwrap()
}

async fn open(stack: &Stack) -> Client {
    speak(TcpStream::connect(stack.public).await.unwrap()).await
}

fn request(method: Method, path: &str, cookies: &str) -> Request<()> {
    let address = format!("https://localhost{path}");
    let builder = Request::builder().method(method).uri(address).version(Version::HTTP_2);
    let headers = [("content-type", "text/plain"), ("user-agent", USER_AGENT), ("cookie", cookies)];
    headers.into_iter().fold(builder, |all, (name, value)| all.header(name, value)).body(()).unwrap()
}

/// Sends a request and reads the head of its answer.
async fn ask(
    client: &mut Client,
    mut request: Request<()>,
    origin: &str,
    body: &str,
) -> (StatusCode, HeaderMap) {
    request.headers_mut().insert("origin", origin.parse().unwrap());
    let answered = async {
        let (answer, mut sender) = client.send_request(request, false).unwrap();
        // A server may answer before it has read a body that it refuses.
        drop(sender.send_data(Bytes::copy_from_slice(body.as_bytes()), true));
        let (head, _) = answer.await.unwrap().into_parts();
        (head.status, head.headers)
    };
    timeout(ANSWER_TIME_MAX, answered).await.expect("it is answered in time")
}

/// What every connection of HTTP/2 must hold to, however it came about.
async fn hold_to_the_limits(client: &mut Client, origin: &str, cookies: &str) {
    let post = || request(Method::POST, "/kruimel/events", cookies);
    let (status, headers) = ask(client, post(), origin, &batch(1, "/two")).await;
    assert_eq!(status, 202);
    assert!(headers.contains_key("x-request-id"));
    assert_eq!(client.current_max_send_streams(), 32, "streams at once");

    let (status, _) = ask(client, post(), origin, &"a".repeat(61 * 1_024)).await;
    assert_eq!(status, 413, "a body that is too large");

    let mut large = request(Method::GET, "/kruimel/demo.js", "");
    for number in 0..10 {
        let name: hyper::header::HeaderName = format!("x-{number}").parse().unwrap();
        large.headers_mut().insert(name, "a".repeat(4_000).parse().unwrap());
    }
    let (status, _) = ask(client, large, origin, "").await;
    assert_eq!(status, 431, "a head that is too large");

    let (status, _) = ask(client, post(), origin, &batch(2, "/two")).await;
    assert_eq!(status, 202, "the connection goes on");
}

#[test]
fn limits_hold_over_http_2_with_tls_and_without() {
    let plain = start("");
    let cookies = plain.decide("accept", &ALL, "").cookies();
    let runtime = runtime();
    runtime.block_on(async {
        hold_to_the_limits(&mut open(&plain).await, "http://localhost", &cookies).await;
    });
    let files = TlsFiles::new();
    let secure = Stack::start_with_config(&config(&files.key(), ""));
    runtime.block_on(async {
        let stream = TcpStream::connect(secure.public).await.unwrap();
        let stream =
            files.connector(&[b"h2"]).connect("localhost".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut client = speak(stream).await;
        let decision = serde_json::json!({
            "v": 1, "site": "demo", "action": "accept", "categories": ALL, "revision": 1,
            "text": "", "language": "en", "surface": "notice",
        });
        let consent = request(Method::POST, "/kruimel/consent", "");
        let (status, headers) = ask(&mut client, consent, "https://localhost", &decision.to_string()).await;
        assert_eq!(status, 200);
        assert!(headers.contains_key("strict-transport-security"));
        let set = headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let kept =
            set.filter(|value| !value.contains("Max-Age=0")).filter_map(|value| value.split(';').next());
        let cookies = kept.collect::<Vec<_>>().join("; ");
        hold_to_the_limits(&mut client, "https://localhost", &cookies).await;
    });
}

#[test]
fn the_host_that_http_2_names_is_known() {
    let stack = Stack::start_with_config(&config("", "gpc_json = true"));
    runtime().block_on(async {
        let mut client = open(&stack).await;
        let statement = request(Method::GET, "/.well-known/gpc.json", "");
        assert_eq!(ask(&mut client, statement, "https://localhost", "").await.0, 200);
        let mut elsewhere = request(Method::GET, "/.well-known/gpc.json", "");
        *elsewhere.uri_mut() = "https://elsewhere.example/.well-known/gpc.json".parse().unwrap();
        assert_eq!(ask(&mut client, elsewhere, "https://localhost", "").await.0, 404);
        // What names the host is what the request is addressed to, whatever else it says.
        let mut both = request(Method::GET, "/.well-known/gpc.json", "");
        both.headers_mut().insert("host", "elsewhere.example".parse().unwrap());
        assert_eq!(ask(&mut client, both, "https://localhost", "").await.0, 200);
    });
}

#[test]
fn bodies_that_never_come_hold_nobodys_place_over_http_2() {
    let stack = start("requests_max = 16\nbody_seconds = 15");
    let cookies = stack.decide("accept", &ALL, "").cookies();
    runtime().block_on(async {
        let mut slow = open(&stack).await;
        let mut waiting = Vec::new();
        for _ in 0..32 {
            slow = slow.ready().await.unwrap();
            let mut begun = request(Method::POST, "/kruimel/events", &cookies);
            begun.headers_mut().insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
            waiting.push(slow.send_request(begun, false).unwrap());
        }
        let mut client = open(&stack).await;
        for number in 0..20 {
            let post = request(Method::POST, "/kruimel/events", &cookies);
            let (status, _) = ask(&mut client, post, "http://localhost", &batch(number, "/two")).await;
            assert_eq!(status, 202);
        }
        let mut told = Vec::new();
        for (answer, _sender) in waiting {
            told.push(timeout(ANSWER_TIME_MAX, answer).await.unwrap().unwrap().status().as_u16());
        }
        told.sort_unstable();
        // Half of sixteen places are the most for one network; the others are told at once.
        let late = told.iter().filter(|status| **status == 408).count();
        assert_eq!((late, told.len()), (8, 32), "{told:?}");
        assert!(told[late..].iter().all(|status| *status == 503), "{told:?}");
    });
}

#[test]
fn streams_that_are_opened_and_reset_hurt_nobody() {
    let stack = start(&format!("requests_max = {REQUESTS_MAX}"));
    let cookies = stack.decide("accept", &ALL, "").cookies();
    let before = resident_kb(&stack);
    let (stop, at_once, waited_for) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| runtime().block_on(flood(&stack, &cookies, true, &stop, &at_once)));
        scope.spawn(|| runtime().block_on(flood(&stack, &cookies, false, &stop, &waited_for)));
        // More of either than there are places.
        let least = || at_once.load(Ordering::Relaxed).min(waited_for.load(Ordering::Relaxed));
        let mut number = 0;
        while number < 50 || least() < 3 * REQUESTS_MAX {
            let answer = try_batch(stack.public, &cookies, &batch(number, "/page")).unwrap();
            assert_eq!(answer.status, 202, "{}", answer.text());
            number += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    // No place was left taken, and no memory either.
    runtime().block_on(async {
        let mut client = open(&stack).await;
        let mut begun = request(Method::POST, "/kruimel/events", &cookies);
        begun.headers_mut().insert("origin", "http://localhost".parse().unwrap());
        let (answer, mut sender) = client.send_request(begun, false).unwrap();
        let post = request(Method::POST, "/kruimel/events", &cookies);
        let (status, _) = ask(&mut client, post, "http://localhost", &batch(99_998, "/two")).await;
        assert_eq!(status, 202, "a body that comes with its head");
        sender.send_data(batch(99_999, "/two").into(), true).unwrap();
        let status = timeout(ANSWER_TIME_MAX, answer).await.unwrap().unwrap().status();
        assert_eq!(status, 202, "a body that is waited for");
    });
    let grown = resident_kb(&stack).saturating_sub(before);
    assert!(grown < 32 * 1_024, "{grown} KB more");
}

/// Opens requests and takes them back, on as many connections as that takes. Counts them in `reset`.
async fn flood(stack: &Stack, cookies: &str, at_once: bool, stop: &AtomicBool, reset: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let mut client = open(stack).await;
        while !stop.load(Ordering::Relaxed) && open_and_reset(&mut client, cookies, at_once).await.is_ok() {
            reset.fetch_add(UNDER_WAY, Ordering::Relaxed);
        }
    }
}

/// Takes each back at once, or all of them when the server waits for their bodies.
async fn open_and_reset(client: &mut Client, cookies: &str, at_once: bool) -> Result<(), h2::Error> {
    let mut under_way = Vec::new();
    for _ in 0..UNDER_WAY {
        *client = client.clone().ready().await?;
        let (answer, mut sender) =
            client.send_request(request(Method::POST, "/kruimel/events", cookies), false)?;
        if at_once {
            // Its head goes out before.
            tokio::task::yield_now().await;
            sender.send_reset(h2::Reason::CANCEL);
        }
        under_way.push((answer, sender));
    }
    if !at_once {
        // What is answered on the same connection came after them.
        let (answer, _) = client.send_request(request(Method::GET, "/kruimel/demo.js", ""), true)?;
        answer.await?;
    }
    for (_, sender) in &mut under_way {
        sender.send_reset(h2::Reason::CANCEL);
    }
    Ok(())
}

fn resident_kb(stack: &Stack) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stack.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
