//! The API as a program gets it.

use crate::stand::Stand;
use axum::http::StatusCode;
use serde_json::{Value, json};

pub(crate) async fn description(stand: &Stand) {
    let description = stand.json("/api/openapi.json").await;
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().unwrap();
    let source = include_str!("../../src/lib.rs");
    let routes: Vec<&str> = source
        .split(".route(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(path, _)| path))
        .filter(|path| path.starts_with("/api/"))
        .collect();
    let mut described: Vec<&str> = paths.keys().map(String::as_str).collect();
    let mut routed = routes.clone();
    described.sort_unstable();
    routed.sort_unstable();
    assert_eq!(described, routed);
    for (path, methods) in paths {
        let (method, _) = methods.as_object().unwrap().iter().next().unwrap();
        let body = methods[method]["requestBody"]["content"]["application/json"]["example"].to_string();
        let body = if method == "post" { body.replace("example-site", "news") } else { String::new() };
        let host = [("host", "127.0.0.1:7701")];
        let answer = stand.send(&method.to_uppercase(), path, &host, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path}: {}", answer.body);
        let kind = answer.headers["content-type"].to_str().unwrap().split(';').next().unwrap();
        assert!(methods[method]["responses"]["200"]["content"][kind].is_object(), "{path} answers {kind}");
        let other = if method == "get" { "POST" } else { "GET" };
        assert_eq!(
            stand.send(other, path, &host, "").await.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{other} {path}"
        );
    }
    // The lists in the description are the lists in the code.
    let names = |schema: &str| description["components"]["schemas"][schema]["enum"].clone();
    let dimensions: Vec<&str> =
        kruimel_dashboards::dimension::Dimension::ALL.iter().map(|one| one.name()).collect();
    assert_eq!(names("Dimension"), json!(dimensions));
    let periods: Vec<&str> = kruimel_dashboards::period::Period::NAMED.iter().map(|one| one.name()).collect();
    assert_eq!(names("PeriodName"), json!(periods));
    let metrics: Vec<&str> =
        kruimel_dashboards::dimension::Metric::ALL.iter().map(|one| one.name()).collect();
    assert_eq!(names("VisitMetric"), json!(metrics));
}

pub(crate) async fn shapes(stand: &Stand) {
    let overview = stand
        .json("/api/v1/overview?site=news&from=2026-10-24&to=2026-10-26&interval=day&is_source=Google")
        .await;
    insta::assert_json_snapshot!("overview", overview);
    let body = json!({
        "site": "news", "period": { "from": "2026-10-24", "to": "2026-10-26" }, "dimensions": ["time"], "interval": "day",
        "metrics": ["visitors", "bounce_rate", "granted", "coverage"],
    });
    insta::assert_json_snapshot!("query_by_time", stand.query(&body).await);
    let body = json!({
        "site": "news", "period": "28d", "dimensions": ["page"], "metrics": ["page_views"], "limit": 2, "offset": 1,
    });
    insta::assert_json_snapshot!("query_by_page", stand.query(&body).await);
}

pub(crate) async fn refusals(stand: &Stand) {
    let good = json!({ "site": "news", "period": "7d", "metrics": ["visitors"] });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    for (body, sentence) in [
        ("visitors?".to_owned(), "expected value"),
        (with("site", json!("bank")), "There is no site “bank”. These are configured: news, shop, waiting."),
        (with("period", json!("forever")), "There is no period “forever”."),
        (with("period", json!({ "from": "2026-03-02", "to": "2026-03-01" })), "after its end"),
        (with("metrics", json!([])), "at least one metric"),
        (with("metrics", json!(["visitor_id"])), "There is no metric “visitor_id”."),
        (with("dimensions", json!(["visitor_id"])), "There is no dimension “visitor_id”."),
        (with("dimensions", json!(["page", "source"])), "one dimension at most"),
        (with("filters", json!([{ "dimension": "ip", "value": "x" }])), "There is no dimension “ip”."),
        (with("sql", json!("SELECT 1")), "unknown field `sql`"),
    ] {
        let answer = stand.send("POST", "/api/v1/query", &[("host", "127.0.0.1:7701")], &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let said: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(said["reason"], "not_understood");
        assert!(said["message"].as_str().unwrap().contains(sentence), "{body}: {}", said["message"]);
    }
    let coverage =
        json!({ "site": "news", "period": "7d", "metrics": ["coverage"], "dimensions": ["country"] });
    let answer =
        stand.send("POST", "/api/v1/query", &[("host", "127.0.0.1:7701")], &coverage.to_string()).await;
    assert!(answer.body.contains("a refusal keeps nothing about the person"), "{}", answer.body);
    let large = " ".repeat(kruimel_dashboards::api::QUERY_BYTES_MAX + 1);
    let answer = stand.send("POST", "/api/v1/query", &[("host", "127.0.0.1:7701")], &large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let page = stand.get("/?site=news&period=forever").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.body.contains("There is no period “forever”."));
}

pub(crate) async fn csv(stand: &Stand) {
    let json = stand.json("/api/v1/overview?site=news&period=7d").await;
    let series = stand.get("/api/v1/series.csv?site=news&period=7d").await;
    assert_eq!(series.headers["content-type"], "text/csv; charset=utf-8");
    assert!(
        series.headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains("news-series-2026-11-15-2026-11-21.csv")
    );
    let rows: Vec<Vec<&str>> =
        series.body.split_terminator("\r\n").map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["from", "to", "visitors", "visits", "page_views", "bounces", "duration_seconds"]);
    for (row, expected) in rows[1..].iter().zip(json["series"].as_array().unwrap()) {
        assert_eq!(
            (row[0], row[2]),
            (expected["from"].as_str().unwrap(), expected["visitors"].to_string().as_str())
        );
    }
    assert_eq!(rows.len(), 8);
    let campaigns = stand.get("/api/v1/breakdown.csv?site=news&period=all&by=campaign").await.body;
    assert!(campaigns.contains("\r\n\"'=week 46, \"\"waste\"\"\","), "{campaigns}");
    let decisions = stand.get("/api/v1/decisions.csv?site=news&period=7d").await.body;
    assert!(decisions.starts_with("from,to,granted,refused,withdrawn\r\n2026-11-15,2026-11-15,"));
}

pub(crate) async fn read_only(stand: &Stand) {
    let store = kruimel_dashboards::store::Store::new(stand.client.clone());
    for sql in ["TRUNCATE TABLE events", "SELECT 1 AS one SETTINGS readonly = 0, max_execution_time = 0"] {
        let answer = store.rows::<u8>(store.question(sql)).await;
        assert_eq!(answer, Err(kruimel_dashboards::store::Failure::Fault), "{sql}");
    }
    let greedy = "SELECT toUInt8(length(groupArray(number)) > 0) AS one FROM numbers(100000000)";
    let query = store.question(greedy).with_setting("max_memory_usage", "10000000");
    assert_eq!(store.rows::<u8>(query).await, Err(kruimel_dashboards::store::Failure::TooMuch));
}
