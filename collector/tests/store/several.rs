//! Several collectors on one store: what one withdraws the others refuse, and their chains stand beside one another.

use crate::ledger::{grant, refusal, site};
use crate::stand::{Stand, tests, until};
use kruimel_collector::config::Config;
use kruimel_collector::{Collector, http, keys_path};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

tests![
    a_receipt_withdrawn_at_one_collector_is_refused_by_the_other_after_its_next_look,
    the_chains_of_two_collectors_for_one_site_and_day_hold_beside_one_another,
];

/// A collector that listens, drains and asks the store for withdrawals very often.
struct Listening {
    collector: Arc<Collector>,
    address: SocketAddr,
    stop: CancellationToken,
    work: JoinHandle<()>,
}

impl Listening {
    async fn begin(stand: &Stand, folder: &Path) -> Listening {
        let local = |port| ([127, 0, 0, 1], port).into();
        let mut config = Config::demo(folder.to_owned(), local(0), local(1));
        config.spool.segment_age_ms = 20;
        let mut collector = Collector::open(config, stand.client.clone()).unwrap();
        collector.store = collector.store.polling_every(Duration::from_millis(10));
        let collector = Arc::new(collector);
        let listener = TcpListener::bind(local(0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = http::public(&collector);
        tokio::spawn(async move {
            axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>()).await
        });
        let (stop, of_work) = (CancellationToken::new(), Arc::clone(&collector));
        let work = tokio::spawn({
            let stop = stop.clone();
            async move { of_work.run(stop).await }
        });
        Listening { collector, address, stop, work }
    }

    /// Posts a body as a page of the demo's site would, and returns the answer whole.
    async fn post(&self, path: &str, cookies: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\ncontent-type: text/plain\r\n\
             user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
             Safari/537.36\r\ncookie: {cookies}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn decide(&self, action: &str, categories: &[&str], cookies: &str) -> String {
        let body = serde_json::json!({
            "v": 1, "site": "demo", "action": action, "categories": categories, "revision": 1, "text": "",
            "language": "en", "surface": "notice",
        });
        let answer = self.post("/kruimel/consent", cookies, &body.to_string()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let set = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        let kept = set.filter(|line| !line.contains("Max-Age=0")).filter_map(|line| line.split(';').next());
        kept.collect::<Vec<_>>().join("; ")
    }

    async fn batch(&self, number: u64, cookies: &str) -> String {
        let body = format!(
            r#"{{"v":1,"batch":"00000000-0000-4000-8000-{number:012x}","site":"demo","page":{{"view":"{number:016x}",
            "host":"localhost","path":"/page","title":"A page","referrer":""}},"client":{{"visit":"00000000000000bb",
            "language":"nl-BE","time_zone":"Europe/Brussels","viewport_width":1280}},
            "events":[{{"seq":1,"kind":"view","age_ms":0}}]}}"#
        );
        self.post("/kruimel/events", cookies, &body).await
    }

    async fn end(self) {
        self.stop.cancel();
        self.work.await.unwrap();
    }
}

async fn a_receipt_withdrawn_at_one_collector_is_refused_by_the_other_after_its_next_look(stand: Stand) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = Listening::begin(&stand, folders[0].path()).await;
    // One shared key.
    std::fs::copy(keys_path(folders[0].path()), keys_path(folders[1].path())).unwrap();
    let second = Listening::begin(&stand, folders[1].path()).await;
    assert_ne!(first.collector.ledger.collector(), second.collector.ledger.collector());

    let all = ["functional", "analytics", "advertising"];
    let mine = first.decide("accept", &all, "").await;
    let theirs = first.decide("accept", &all, "").await;
    for (number, cookies) in [(1, &mine), (2, &theirs)] {
        let taken = second.batch(number, cookies).await;
        assert!(taken.starts_with("HTTP/1.1 202 "), "{taken}");
    }
    until(async || stand.number("SELECT count() FROM events").await == 2).await;

    first.decide("withdraw", &[], &mine).await;
    until(async || stand.number("SELECT countIf(withdraws != 0) FROM consents").await == 1).await;
    until(async || {
        stand.number("SELECT toUInt64(1)").await == 1 && second.collector.withdrawn.since(0).len() == 1
    })
    .await;
    let dead = second.batch(3, &mine).await;
    assert!(dead.starts_with("HTTP/1.1 403 ") && dead.contains("withdrawn_receipt"), "{dead}");
    // In its first minute a withdrawal leaves the cookie, which may hold the choice that followed; later it is expired.
    assert!(!dead.contains("set-cookie"), "{dead}");
    let alive = second.batch(4, &theirs).await;
    assert!(alive.starts_with("HTTP/1.1 202 "), "{alive}");
    until(async || stand.number("SELECT count() FROM events").await == 2).await;
    first.end().await;
    second.end().await;
}

async fn the_chains_of_two_collectors_for_one_site_and_day_hold_beside_one_another(stand: Stand) {
    const EACH: u64 = 60;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut collectors = folders.each_ref().map(|folder| stand.decide_in(folder.path()));
    collectors.iter_mut().for_each(|(running, _)| running.drain(&[]));
    let mut appends = Vec::new();
    for id in 1..=EACH {
        for (_, ledger) in &collectors {
            let ledger = ledger.clone();
            // The same consent decided at both is no collision either.
            appends.push(tokio::spawn(async move {
                ledger.append(grant(id)).await?;
                ledger.append(refusal()).await
            }));
        }
    }
    for append in appends {
        append.await.unwrap().unwrap();
    }
    let ids = collectors.each_ref().map(|(_, ledger)| ledger.collector());
    for (running, ledger) in collectors {
        running.spool.settled().await;
        running.end().await;
        drop(ledger);
    }
    assert_ne!(ids[0], ids[1]);

    let site = site();
    let site = Some(site.id.as_str());
    let whole = stand.store.verify_ledger(site, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.notes.as_slice()), (&[][..], &[][..]));
    assert_eq!((whole.chains, whole.links, whole.rows), (4, 4 * EACH, 4 * EACH));
    let distinct = stand.number("SELECT uniqExact(chain, chain_seq) FROM consents").await;
    assert_eq!(distinct, 4 * EACH);
    let heads = stand.store.ledger_heads(site, None).await.unwrap();
    assert_eq!(heads.len(), 4);

    // A row that is moved from one collector's chain into the other's shows, and so does a chain that is not there.
    let chains: Vec<u64> = stand
        .client
        .query("SELECT chain FROM ledger_chain WHERE kind = 'timed' AND seq = 1 ORDER BY collector")
        .fetch_all()
        .await
        .unwrap();
    let moved = format!(
        "ALTER TABLE consents UPDATE chain = {} WHERE chain = {} AND chain_seq = 3",
        chains[1], chains[0]
    );
    stand.execute(&moved).await;
    let found = stand.store.verify_ledger(site, &heads).await.unwrap();
    let mut what: Vec<&str> = found.findings.iter().map(|finding| finding.what.as_str()).collect();
    what.sort_unstable();
    assert!(what.contains(&"The row was removed before its time."), "{what:?}");
    assert!(what.contains(&"There are two rows for one place."), "{what:?}");
    stand.execute(&format!("ALTER TABLE consents DELETE WHERE chain = {}", chains[0])).await;
    stand.execute(&format!("ALTER TABLE ledger_chain DELETE WHERE chain = {}", chains[0])).await;
    let found = stand.store.verify_ledger(site, &heads).await.unwrap();
    assert!(found.findings.iter().any(|one| one.what == "A chain whose head was kept is not there."));
}
