//! What every request of a browser passes first, and every answer last.
//!
//! In: a request and its peer. Out: the routes' answer with an id of its own and the headers that all answers have; or a
//! refusal at once where enough is under way. The id is made here at random: it names the request in this answer and in the
//! log, so that a visitor's complaint can be joined with what was logged, and says nothing about the visitor. The address
//! of whoever sends something is truncated here, and nothing behind this knows more of it.

use super::answer::refuse;
use super::body::Timed;
use super::client_ip::client_ip;
use super::events::events;
use super::limits::Sender;
use super::origin;
use crate::Collector;
use crate::keys::random_u64;
use crate::pipeline::{Rejection, TruncatedIp};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tower_service::Service;

/// The name of the header that carries the id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What holds for an answer where nothing stricter is said, as it is for pages: nobody frames it. It is data or plain text,
/// which `nosniff` keeps from being anything else.
const CONTENT_SECURITY_POLICY: &str = "object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

impl RequestId {
    /// The id of the request that this task works on; zero where it works on none.
    pub(crate) fn current() -> RequestId {
        CURRENT.try_with(|id| *id).unwrap_or(RequestId(0))
    }

    /// Sixteen hexadecimal digits.
    fn digits(self) -> [u8; 16] {
        std::array::from_fn(|place| b"0123456789abcdef"[(self.0 >> (60 - 4 * place)) as usize & 0xf])
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(str::from_utf8(&self.digits()).expect("digits are text"))
    }
}

/// What browsers reach.
#[derive(Clone)]
pub struct Public {
    collector: Arc<Collector>,
    /// Where batches go. Nearly every request is one, and looking for its route cost a tenth of it.
    batches: String,
    /// Where decisions go.
    decisions: [String; 2],
    routes: Router,
}

impl Public {
    pub(super) fn new(collector: &Arc<Collector>, prefix: &str, routes: Router) -> Public {
        let batches = format!("{prefix}/events");
        let decisions = ["consent", "privacy"].map(|route| format!("{prefix}/{route}"));
        Public { collector: Arc::clone(collector), batches, decisions, routes }
    }

    /// The same, where what has no route here is another's.
    #[must_use]
    pub fn beside(self, others: Router) -> Public {
        Public { routes: self.routes.fallback_service(others), ..self }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request, peer: SocketAddr) -> Response<Body> {
        let id = RequestId(random_u64());
        let collector = &self.collector;
        let is_batch = request.uri().path() == self.batches;
        let under_way = collector.limits.begin(collector.config.listen.requests_max);
        // What is worked on takes four kilobytes: in a place of its own these are not copied from hand to hand, and are free
        // while a refusal waits.
        let mut response = match (&under_way, request.method() == Method::POST) {
            (Some(_), true) => Box::pin(self.take(request, peer, id, is_batch)).await,
            (Some(_), false) => Box::pin(self.show(request, peer, id)).await,
            (None, true) => self.turn_away(&request, is_batch),
            (None, false) => refuse(Rejection::Overloaded),
        };
        drop(under_way);
        if response.status().is_client_error() {
            collector.limits.hold().await;
        }
        finish(response.headers_mut(), id);
        response
    }

    /// Refuses what is sent while enough is under way, and counts it as what it was sent as.
    fn turn_away(&self, request: &Request, is_batch: bool) -> Response<Body> {
        let (collector, path) = (&self.collector, request.uri().path());
        let reason = Rejection::Overloaded;
        if is_batch {
            return refuse_early(collector, request.headers(), "", reason);
        }
        if self.decisions.iter().any(|decisions| path == decisions) {
            collector.outcomes.decision_rejected("", reason, "", (collector.clock)());
        }
        let mut answer = refuse(reason);
        origin::allow(request.headers(), &collector.config.sites, &mut answer);
        answer
    }

    /// From where it comes.
    fn sender(&self, request: &Request, peer: SocketAddr) -> (TruncatedIp, Sender) {
        Sender::of(client_ip(peer.ip(), request.headers(), &self.collector.config.listen))
    }

    /// Answers what a browser asks for.
    async fn show(&self, mut request: Request, peer: SocketAddr, id: RequestId) -> Response<Body> {
        let (_, sender) = self.sender(&request, peer);
        request.extensions_mut().insert(sender);
        CURRENT.scope(id, self.route(request)).await
    }

    /// Takes in what a browser sends.
    async fn take(
        &self,
        request: Request,
        peer: SocketAddr,
        id: RequestId,
        is_batch: bool,
    ) -> Response<Body> {
        let listen = &self.collector.config.listen;
        let (address, sender) = self.sender(&request, peer);
        let room = self.collector.limits.waiting_room(sender);
        let request = request.map(|body| Timed::new(body, listen.limits.body_time, room));
        if is_batch {
            return events(&self.collector, request, sender, address, id).await;
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(sender);
        CURRENT.scope(id, self.route(request)).await
    }

    async fn route(&self, request: Request) -> Response<Body> {
        match self.routes.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The headers that all answers have.
fn finish(headers: &mut HeaderMap, id: RequestId) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let id = HeaderValue::from_bytes(&id.digits()).expect("hexadecimal digits are a header");
    headers.insert(REQUEST_ID, id);
}

/// Refuses a batch before it is read, and counts it.
pub(super) fn refuse_early(
    collector: &Collector,
    headers: &HeaderMap,
    site: &str,
    reason: Rejection,
) -> Response<Body> {
    collector.outcomes.rejected(site, reason, "", 1, (collector.clock)());
    let mut answer = refuse(reason);
    origin::allow(headers, &collector.config.sites, &mut answer);
    answer
}

#[cfg(test)]
mod tests {
    use crate::Collector;
    use crate::config::Config;
    use crate::http::public;
    use axum::body::Body;
    use axum::http::Request;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::task::JoinSet;

    #[tokio::test]
    async fn what_is_refused_unread_is_counted_as_what_it_was_sent_as() {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut config = Config::demo(folder.path().to_owned(), address, address);
        config.listen.requests_max = 0;
        let collector = Arc::new(Collector::open(config, clickhouse::Client::default()).unwrap());
        let check = async |path: &str, counted: [&str; 2]| {
            let public = public(&collector);
            let request = Request::post(path).body(Body::empty()).unwrap();
            assert_eq!(public.answer(request, address).await.status(), 503);
            let text = collector.outcomes.render();
            for line in counted {
                assert!(text.lines().any(|one| one == line), "{path}: {text}");
            }
        };
        let decisions = |count| format!("kruimel_decisions_rejected_total{{reason=\"overloaded\"}} {count}");
        check("/kruimel/consent", ["kruimel_events_received_total 0", &decisions(1)]).await;
        check("/kruimel/privacy?site=demo", ["kruimel_events_received_total 0", &decisions(2)]).await;
        check("/kruimel/elsewhere", ["kruimel_events_received_total 0", &decisions(2)]).await;
        check("/kruimel/events", ["kruimel_events_received_total 1", &decisions(2)]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_flood_what_is_refused_is_told_later_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let config = Config::demo(folder.path().to_owned(), address, address);
        let collector = Arc::new(Collector::open(config, clickhouse::Client::default()).unwrap());
        let public = public(&collector);
        let is_held = async |path: &str| {
            let since = tokio::time::Instant::now();
            let method = if path.ends_with(".js") { "GET" } else { "POST" };
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let is_refused = public.answer(request, address).await.status().is_client_error();
            (is_refused, !since.elapsed().is_zero())
        };
        let refused = ["/kruimel/events", "/kruimel/consent", "/kruimel/elsewhere"];
        for path in refused {
            assert_eq!(is_held(path).await, (true, false), "no flood yet");
        }
        // What is told at once goes by the machine's clock, so there are more of these meanwhile.
        let mut held = [0; 3];
        for _ in 0..1_000 {
            for _ in 0..20 {
                collector.limits.hold().await;
            }
            for (path, held) in refused.iter().zip(&mut held) {
                *held += usize::from(is_held(path).await.1);
            }
            assert_eq!(is_held("/kruimel/demo.js").await, (false, false));
        }
        assert!(held.iter().all(|held| *held > 0), "{held:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_network_sends_in_a_rush_waits_for_its_turn_while_there_are_places_and_what_others_send_does_not()
     {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut config = Config::demo(folder.path().to_owned(), address, address);
        (config.listen.requests_max, config.listen.rate.batches_per_second) = (4, 1);
        let collector = Arc::new(Collector::open(config, clickhouse::Client::default()).unwrap());
        let public = public(&collector);
        let send = |network: &str, path: &str| {
            let (public, network) = (public.clone(), network.parse().unwrap());
            let request = Request::post(path).body(Body::empty()).unwrap();
            async move {
                let since = tokio::time::Instant::now();
                let status = public.answer(request, network).await.status();
                (status.as_u16(), since.elapsed())
            }
        };
        let (rushing, other, batches) = ("192.0.2.1:1", "198.51.100.1:1", "/kruimel/events");
        assert_eq!(send(rushing, batches).await.1, Duration::ZERO, "no rush yet");
        let rush: JoinSet<_> = (0..8).map(|_| send(rushing, batches)).collect();
        let answers = rush.join_all().await;
        assert!(answers.iter().all(|(status, _)| *status != 429), "it is within its rate: {answers:?}");
        let mut times: Vec<u128> = answers.iter().map(|(_, time)| time.as_millis()).collect();
        times.sort_unstable();
        let (at_once, held) = times.split_at(4);
        assert!(at_once.iter().all(|time| *time == 0), "{times:?}");
        assert!((1..=1_001).contains(&held[0]), "its turn at one a second: {times:?}");
        assert!(held[2..].iter().all(|time| (2_000..=3_001).contains(time)), "or a moment: {times:?}");
        assert_eq!(send(other, batches).await.1, Duration::ZERO, "another network");
        assert_eq!(send(rushing, "/kruimel/consent").await.1, Duration::ZERO, "a decision is no batch");
        assert_eq!(collector.limits.held.waited(), [("flood", 0), ("rush", 4)]);
    }
}
