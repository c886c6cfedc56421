//! Decisions at the door of a real collector with a real spool: which are taken when much comes, and when little fits.

use super::*;
use crate::config::Config;
use crate::http::client_ip::Client;
use crate::pipeline::ClientIp;
use crate::spool::{Intake, Record, Table};
use serde_json::{Value, json};

const ALL: [&str; 3] = ["functional", "analytics", "advertising"];

struct Stand {
    collector: Arc<Collector>,
    _folder: tempfile::TempDir,
}

impl Stand {
    fn open(change: impl FnOnce(&mut Config)) -> Stand {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut config = Config::demo(folder.path().to_owned(), address, address);
        change(&mut config);
        let collector = Collector::open(config, clickhouse::Client::default()).unwrap();
        Stand { collector: Arc::new(collector), _folder: folder }
    }

    /// Sends a decision from one network, with the cookie of an earlier answer.
    async fn decide(&self, action: &str, granted: Value, cookie: &str) -> Response<Body> {
        let mut decision = json!({
            "v": 1, "site": "demo", "action": action, "revision": 1,
            "text": "", "language": "en", "surface": "notice",
        });
        decision.as_object_mut().unwrap().extend(granted.as_object().unwrap().clone());
        let mut headers = HeaderMap::new();
        headers.insert("origin", HeaderValue::from_static("http://localhost"));
        headers.insert("content-type", HeaderValue::from_static("text/plain"));
        headers.insert("cookie", cookie.parse().unwrap());
        let address = ClientIp::new("198.51.100.7".parse().unwrap());
        let (_, sender) = Sender::of(Client { address, is_proxy: false });
        let body = Ok(Bytes::from(decision.to_string()));
        consent(State(Arc::clone(&self.collector)), Extension(sender), headers, body).await
    }

    /// Grants these and returns the cookie.
    async fn grant(&self, granted: Value) -> String {
        let answer = self.decide("save", granted, "").await;
        assert_eq!(answer.status(), 200);
        let set = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let cookie = set.filter_map(|text| text.split(';').next()).find(|text| text.starts_with("kruimel="));
        cookie.unwrap().to_owned()
    }
}

/// Three services of one category, which are chosen one by one.
fn with_service_switches(config: &mut Config) {
    config.sites[0].options.service_switches = true;
    let services = &mut config.sites[0].services;
    let functional = services.iter().find(|service| service.id.as_str() == "kaartwerk").unwrap();
    let functional = functional.category.clone();
    services.iter_mut().find(|service| service.id.as_str() == "leeshoek").unwrap().category = functional;
}

/// A consent that goes on, changed again and again: how each change is answered.
async fn changed_without_end(stand: &Stand, cookie: &str) -> Vec<u16> {
    let mut changes = Vec::new();
    for language in ["en", "nl", "fr", "de"] {
        for services in [&["filmkade"][..], &["kaartwerk"], &["leeshoek"], &["leeshoek", "filmkade"]] {
            let granted =
                json!({"categories": ALL, "services": {"functional": services}, "language": language});
            changes.push(stand.decide("save", granted, cookie).await.status().as_u16());
        }
    }
    changes
}

#[tokio::test]
async fn whatever_takes_something_back_is_taken_in_a_flood_of_grants() {
    let stand = Stand::open(|config| {
        config.listen.rate.grants_per_second = 2;
        with_service_switches(config);
    });
    let in_part = json!({"categories": ALL, "services": {"functional": ["filmkade", "kaartwerk"]}});
    let whole = stand.grant(json!({"categories": ALL})).await;
    let part = stand.grant(in_part.clone()).await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(stand.decide("accept", json!({"categories": ALL}), "").await.status().as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");

    let check = async |granted: &Value, cookie: &str, status: u16| {
        assert_eq!(stand.decide("save", granted.clone(), cookie).await.status(), status, "{granted}");
    };
    let less = json!({"categories": ["analytics", "advertising"]});
    let one = json!({"categories": ALL, "services": {"functional": ["kaartwerk"]}});
    check(&less, &whole, 200).await;
    check(&in_part, &whole, 200).await;
    check(&one, &part, 200).await;
    // Nothing is taken back from what was not signed here, nor by the same again or by more.
    check(&less, &whole.replace("sig%22:%22", "sig%22:%22A"), 429).await;
    check(&less, "", 429).await;
    let more = stand.decide("accept", json!({"categories": ALL}), &part).await;
    assert_eq!(more.status(), 429);
    // A consent that goes on can be changed without end: it has a rate of its own, and its end has none.
    let changes = changed_without_end(&stand, &whole).await;
    assert!(changes.contains(&429), "{changes:?}");
    assert_eq!(stand.decide("withdraw", json!({"categories": []}), &whole).await.status(), 200);
}

#[tokio::test]
async fn what_a_full_spool_keeps_for_withdrawals_no_grant_and_no_flood_of_refusals_takes() {
    let stand = Stand::open(|config| {
        config.spool.bytes_max = 16 << 20;
        with_service_switches(config);
    });
    let spool = &stand.collector.spool;
    let (whole, other) =
        (stand.grant(json!({"categories": ALL})).await, stand.grant(json!({"categories": ALL})).await);
    let changing = stand.grant(json!({"categories": ALL})).await;
    while spool.intake() == Intake::Open {
        let rows = vec![vec![0; 100_000]].into();
        let record = Record::of(Table::Rejections, rows);
        spool.append(record).await.unwrap();
    }
    let counted = |what: &str| {
        let metrics = stand.collector.outcomes.render();
        metrics.lines().find_map(|line| line.strip_prefix(what)?.trim().parse().ok()).unwrap_or(0)
    };
    let full = stand.decide("accept", json!({"categories": ALL}), "").await;
    assert_eq!(full.status(), 503);
    assert_eq!(full.headers()["retry-after"], "30");
    assert_eq!(counted("kruimel_decisions_rejected_total{reason=\"unavailable\"}"), 1);
    let bytes = spool.depth().bytes;
    assert_eq!(stand.decide("refuse", json!({"categories": []}), "").await.status(), 200);
    assert_eq!(counted("kruimel_decisions_total{action=\"refuse_not_kept\"}"), 1);
    assert_eq!(spool.depth().bytes, bytes);
    let less = json!({"categories": ["analytics", "advertising"]});
    assert_eq!(stand.decide("save", less, &other).await.status(), 200, "a part is taken back");
    assert_eq!(stand.decide("withdraw", json!({"categories": []}), &whole).await.status(), 200);
    assert!(spool.depth().bytes > bytes, "both are kept");
    // A consent that goes on can be changed without end, also by a network that grants next to nothing.
    let changes = changed_without_end(&stand, &changing).await;
    assert!(changes.starts_with(&[200; 10]) && changes.ends_with(&[429]), "{changes:?}");
}

#[tokio::test]
async fn a_receipt_is_found_whatever_a_neighbour_or_the_page_put_beside_it() {
    let stand = Stand::open(|_| {});
    let cookie = stand.grant(json!({"categories": ALL})).await;
    let site = &stand.collector.config.sites[0];
    let check = |beside: &str| {
        let value = HeaderValue::from_bytes(format!("{beside}{cookie}").as_bytes()).unwrap();
        let headers = [(axum::http::header::COOKIE, value)].into_iter().collect();
        assert_eq!(receipts(&stand.collector, &headers, site, crate::now_ms()).len(), 1, "{beside}");
    };
    check("");
    check("kruimel=a; kruimel=b; ");
    check("name=José; ");
    check(&"kruimel={}; ".repeat(100));
}
