//! The engine in a fresh folder with the generated rows, and the router in front of it.

use crate::data::{Consent, Event, NOW, consents, events};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use engine::supervise::{SuperviseOptions, Supervisor};
use http_body_util::BodyExt;
use kruimel_dashboards::{Context, Site};
use std::cell::RefCell;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tower::ServiceExt;

/// The zone of each site.
pub(crate) const SITES: [(&str, &str); 3] =
    [("news", "Europe/Brussels"), ("shop", "America/New_York"), ("waiting", "Asia/Kolkata")];

/// Everything a check needs.
pub(crate) struct Stand {
    pub(crate) events: Vec<Event>,
    pub(crate) consents: Vec<Consent>,
    pub(crate) client: clickhouse::Client,
    pub(crate) router: Router,
    engine: RefCell<Option<Supervisor>>,
    _home: tempfile::TempDir,
}

/// An answer of the router.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Stand {
    pub(crate) async fn start() -> Stand {
        let (home, engine, client) = open().await;
        let (events, consents) = (events(), consents());
        fill(&client, &events, &consents).await;
        let router = router(&client, || OffsetDateTime::parse(NOW, &Rfc3339).unwrap(), &["127.0.0.1:7701"]);
        Stand { events, consents, client, router, engine: RefCell::new(Some(engine)), _home: home }
    }

    pub(crate) async fn stop_engine(&self) {
        let engine = self.engine.borrow_mut().take();
        engine.unwrap().stop().await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("host", "127.0.0.1:7701")], "").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body).unwrap() }
    }

    pub(crate) async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) async fn query(&self, body: &serde_json::Value) -> serde_json::Value {
        let answer =
            self.send("POST", "/api/v1/query", &[("host", "127.0.0.1:7701")], &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

/// Shows the rows on a port of this machine, dated so that they end now.
pub(crate) async fn serve() {
    let (_home, engine, client) = open().await;
    let shift = (OffsetDateTime::now_utc() - OffsetDateTime::parse(NOW, &Rfc3339).unwrap())
        .whole_milliseconds() as i64;
    let (mut events, mut consents) = (events(), consents());
    events.iter_mut().for_each(|row| row.ts += shift);
    consents.iter_mut().for_each(|row| row.ts = (i64::from(row.ts) + shift / 1_000) as u32);
    fill(&client, &events, &consents).await;
    let router = router(&client, OffsetDateTime::now_utc, &["127.0.0.1", "localhost"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:7799").await.unwrap();
    println!("http://{}/", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
    engine.stop().await;
}

fn router(client: &clickhouse::Client, clock: fn() -> OffsetDateTime, names: &[&str]) -> Router {
    let site = |(id, zone): (&str, &str)| Site {
        id: id.to_owned(),
        name: format!("{id}.example"),
        time_zone: zone.to_owned(),
    };
    kruimel_dashboards::router(Context {
        client: client.clone(),
        sites: SITES.map(site).into(),
        clock,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    })
}

async fn open() -> (tempfile::TempDir, Supervisor, clickhouse::Client) {
    let home = tempfile::tempdir().unwrap();
    let options = engine::Options::new(home.path().join("data"), home.path().join("run/engine.sock"));
    let client = engine::client(&options.socket);
    let executable = std::env::current_exe().unwrap();
    let engine = Supervisor::start(SuperviseOptions {
        executable,
        engine: options,
        silence_max: engine::limits::SILENCE_MAX,
    })
    .await;
    (home, engine.unwrap_or_else(|error| panic!("{error}")), client)
}

async fn fill(client: &clickhouse::Client, events: &[Event], consents: &[Consent]) {
    for migration in schema::MIGRATIONS {
        client.query_raw(migration.sql).execute().await.unwrap();
    }
    let mut insert = client.insert::<Event>("events").await.unwrap();
    for event in events {
        insert.write(event).await.unwrap();
    }
    insert.end().await.unwrap();
    let mut insert = client.insert::<Consent>("consents").await.unwrap();
    for consent in consents {
        insert.write(consent).await.unwrap();
    }
    insert.end().await.unwrap();
}
