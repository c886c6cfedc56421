//! A whole collector that listens on a port of its own and works on the store of a test.

use crate::stand::Stand;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use kruimel_collector::config::Config;
use kruimel_collector::{Collector, http};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A collector that listens, drains and asks the store for withdrawals very often.
pub(crate) struct Listening {
    pub(crate) collector: Arc<Collector>,
    address: SocketAddr,
    stop: CancellationToken,
    work: JoinHandle<()>,
}

impl Listening {
    pub(crate) async fn begin(stand: &Stand, folder: &Path) -> Listening {
        Listening::begin_with(stand, folder, |_| {}).await
    }

    /// The same with a changed config.
    pub(crate) async fn begin_with(
        stand: &Stand,
        folder: &Path,
        change: impl FnOnce(&mut Config),
    ) -> Listening {
        let local = |port| ([127, 0, 0, 1], port).into();
        let mut config = Config::demo(folder.to_owned(), local(0), local(1));
        config.spool.segment_age_ms = 20;
        change(&mut config);
        let mut collector = Collector::open(config, stand.client.clone()).unwrap();
        collector.store = collector.store.polling_every(Duration::from_millis(10));
        let collector = Arc::new(collector);
        let listener = TcpListener::bind(local(0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let public = Arc::new(http::public(&collector));
        let answer = move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
            let public = Arc::clone(&public);
            async move { public.answer(request, peer).await }
        };
        let routes = Router::new().fallback(answer);
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
    pub(crate) async fn post(&self, path: &str, cookies: &str, body: &str) -> String {
        self.send("POST", path, "text/plain", cookies, body).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        cookies: &str,
        body: &str,
    ) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\ncontent-type: {kind}\r\n\
             user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
             Safari/537.36\r\ncookie: {cookies}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn decide(&self, action: &str, categories: &[&str], cookies: &str) -> String {
        let body = serde_json::json!({
            "v": 1, "site": "demo", "action": action, "categories": categories, "revision": 1, "text": "",
            "language": "en", "surface": "notice",
        });
        kept(&self.post("/kruimel/consent", cookies, &body.to_string()).await)
    }

    pub(crate) async fn batch(&self, number: u64, cookies: &str) -> String {
        let body = format!(
            r#"{{"v":1,"batch":"00000000-0000-4000-8000-{number:012x}","site":"demo","page":{{"view":"{number:016x}",
            "host":"localhost","path":"/page","title":"A page","referrer":""}},"client":{{"visit":"00000000000000bb",
            "language":"nl-BE","time_zone":"Europe/Brussels","viewport_width":1280}},
            "events":[{{"seq":1,"kind":"view","age_ms":0}}]}}"#
        );
        self.post("/kruimel/events", cookies, &body).await
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.work.await.unwrap();
    }
}

/// `name=value` of every cookie that the answer to a decision sets, as a `Cookie` header.
pub(crate) fn kept(answer: &str) -> String {
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let set = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let kept = set.filter(|line| !line.contains("Max-Age=0")).filter_map(|line| line.split(';').next());
    kept.collect::<Vec<_>>().join("; ")
}
