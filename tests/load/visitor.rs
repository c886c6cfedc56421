//! The visitors whose batches make up the load: each with an address, a browser and cookies of their own.
//!
//! In: a running server. Out: visitors who allowed analytics, as the banner does it: by posting a decision and keeping
//! the cookies of the answer. Invariant: what makes a collector's work differ between visitors differs here too.

use crate::drive::Random;
use crate::http::Connection;
use crate::server::{HOST, SITE};
use std::fmt::Write;
use std::net::SocketAddr;

/// Browsers of people as they come, most of each hundred first: the `{v}` of a string is one of a few versions, `{n}` a
/// number of the device's own, as in-app browsers carry it.
const BROWSERS: [(u64, &str); 22] = [
    (
        18,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    ),
    (
        17,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36",
    ),
    (
        13,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{s} Mobile/15E148 Safari/604.1",
    ),
    (
        7,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{s} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.{s} Mobile/15E148 Safari/604.1",
    ),
    (
        7,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36 Edg/{v}.0.0.0",
    ),
    (
        6,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{s} Safari/605.1.15",
    ),
    (
        5,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    ),
    (4, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"),
    (
        3,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/{v}.0.0.0 Mobile Safari/537.36",
    ),
    (
        3,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/{v}.0.7444.{n} Mobile/15E148 Safari/604.1",
    ),
    (
        2,
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    ),
    (2, "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"),
    (2, "Mozilla/5.0 (Android 15; Mobile; rv:{v}.0) Gecko/{v}.0 Firefox/{v}.0"),
    (
        2,
        "Mozilla/5.0 (iPad; CPU OS 18_{s} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{s} Mobile/15E148 Safari/604.1",
    ),
    (
        2,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36 OPR/124.0.0.0",
    ),
    (
        1,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    ),
    (
        1,
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    ),
    (1, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"),
    (
        1,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 408.0.0.{n} (iPhone15,4; iOS 18_7; nl_BE; nl; scale=3.00; 1179x2556; {n})",
    ),
    (
        1,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22H20 [FBAN/FBIOS;FBAV/540.0.0.{n};FBBV/{n};FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/18.7;FBSS/3;FBCR/;FBID/phone;FBLC/nl_BE;FBOP/80]",
    ),
    (
        1,
        "Mozilla/5.0 (Linux; Android 15; SM-S921B Build/AP3A.240905.015.A2; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/{v}.0.7444.{n} Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/541.0.0.{n};IABMV/1;]",
    ),
    (
        1,
        "Mozilla/5.0 (Linux; Android 14; 2201117TY Build/UKQ1.231003.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/{v}.0.7444.{n} Mobile Safari/537.36",
    ),
];

/// Languages, in the shape of `Accept-Language`.
const LANGUAGES: [&str; 4] =
    ["nl-BE,nl;q=0.9,en;q=0.8", "fr-BE,fr;q=0.9", "en-GB,en;q=0.9", "de-DE,de;q=0.9,en;q=0.8"];

/// A visitor who allowed analytics.
pub(crate) struct Visitor {
    /// The head of every request of theirs, up to the length of the body.
    pub(crate) head: Vec<u8>,
}

/// The head of a visitor's requests, as a browser sends it and a proxy passes it on, without cookies.
fn head(path: &str, random: &mut Random) -> String {
    let weight: u64 = BROWSERS.iter().map(|(weight, _)| weight).sum();
    let mut place = random.below(weight);
    let browser = BROWSERS.iter().find(|(weight, _)| {
        let found = place < *weight;
        place = place.saturating_sub(*weight);
        found
    });
    let template = browser.expect("the place is below the sum of weights").1;
    let user_agent = template
        .replace("{v}", &(136 + random.below(7)).to_string())
        .replace("{s}", &random.below(7).to_string())
        .replace("{n}", &random.below(100_000).to_string());
    let address = match random.below(10) {
        0..4 => {
            format!("2a02:{:x}:{:x}::{:x}", random.below(0xffff), random.below(0xffff), random.below(0xffff))
        }
        _ => format!(
            "{}.{}.{}.{}",
            11 + random.below(90),
            random.below(256),
            random.below(256),
            random.below(256)
        ),
    };
    let language = LANGUAGES[random.below(LANGUAGES.len() as u64) as usize];
    format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {address}\r\nX-Forwarded-Proto: https\r\n\
         User-Agent: {user_agent}\r\nAccept: */*\r\nAccept-Language: {language}\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\nContent-Type: text/plain;charset=UTF-8\r\n\
         Origin: https://{HOST}\r\nReferer: https://{HOST}/\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: no-cors\r\n\
         Sec-Fetch-Site: same-origin\r\nPriority: u=4, i\r\n"
    )
}

/// Lets a number of visitors decide, over some connections at once.
pub(crate) async fn decide(server: SocketAddr, count: usize, connections: usize) -> Vec<Visitor> {
    let share = count.div_ceil(connections);
    let tasks: Vec<_> =
        (0..connections).map(|number| tokio::spawn(decide_in_turn(server, share, number as u64))).collect();
    let mut visitors = Vec::with_capacity(count);
    for task in tasks {
        visitors.extend(task.await.expect("a decision is answered"));
    }
    visitors
}

async fn decide_in_turn(server: SocketAddr, count: usize, seed: u64) -> Vec<Visitor> {
    let mut random = Random::new(seed);
    let mut connection = Connection::open(server).await.expect("the server listens");
    let body = format!(
        r#"{{"v":1,"site":"{SITE}","action":"accept","categories":["necessary","functional","analytics","advertising"],"revision":1,"text":"","language":"en","surface":"notice"}}"#
    );
    let mut visitors = Vec::with_capacity(count);
    for _ in 0..count {
        let head = head("/kruimel/consent", &mut random);
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let status = connection.send(request.as_bytes()).await.expect("a decision is answered");
        assert_eq!(status, 200, "{}", connection.answer());
        let lines = connection.answer().lines();
        let set = lines.filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        let mut cookies = set.fold(String::new(), |mut cookies, pair| {
            write!(cookies, "{pair}; ").expect("a String takes what is written to it");
            cookies
        });
        write!(cookies, "kruimel_visit={:016x}", random.next())
            .expect("a String takes what is written to it");
        let head = head.replacen("/kruimel/consent", "/kruimel/events", 1);
        visitors.push(Visitor { head: format!("{head}Cookie: {cookies}\r\nContent-Length: ").into_bytes() });
    }
    visitors
}
