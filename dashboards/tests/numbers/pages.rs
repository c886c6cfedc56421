//! The pages as a browser gets them.

use crate::data::HOSTILE;
use crate::stand::Stand;
use crate::totals::PERIODS;
use axum::http::StatusCode;
use std::collections::BTreeSet;

pub(crate) async fn page_and_json_agree(stand: &Stand) {
    for (period, ..) in PERIODS {
        let json = stand.json(&format!("/api/v1/overview?site=news&{period}")).await;
        let page = stand.get(&format!("/?site=news&{period}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let stat = |label: &str| {
            let after = page.body.split_once(&format!("<span>{label}</span> <b>")).unwrap().1;
            after.split_once("</b>").unwrap().0.replace(',', "")
        };
        for (label, name) in [("Visitors", "visitors"), ("Visits", "visits"), ("Page views", "page_views")] {
            assert_eq!(stat(label), json["totals"][name].to_string(), "{period}");
        }
        let rate = json["totals"]["bounce_rate"].as_f64().unwrap() * 100.0;
        assert_eq!(stat("Bounce rate"), format!("{rate:.0}\u{202f}%"), "{period}");
        for (outcome, name) in [("Granted analytics", "granted"), ("Withdrew a grant", "withdrawn")] {
            let row = format!("{outcome}</th><td><b>{}</b></td>", json["decisions"][name]);
            assert!(page.body.contains(&row), "{period}: {row}");
        }
        let first = &json["panels"]["pages"]["rows"][0];
        let row = format!(
            "<bdi>{}</bdi></a></div></th><td>{}</td>",
            first["name"].as_str().unwrap(),
            first["visitors"]
        );
        assert!(page.body.contains(&row), "{period}: {row}");
    }
}

pub(crate) async fn escaping(stand: &Stand) {
    for path in ["/?site=news&period=all", "/details?site=news&period=all&by=source"] {
        let page = stand.get(path).await.body;
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(page.contains("&#60;script&#62;alert(1)"), "{path}");
        let tags = page.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
        for word in tags.flat_map(str::split_whitespace).filter(|word| word.contains('=')) {
            assert!(!word.starts_with("on") && !word.starts_with("style"), "{path}: {word} is inline");
        }
    }
    let query: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("is_source", HOSTILE).finish();
    let page = stand.get(&format!("/?site=news&period=all&{query}")).await.body;
    assert!(page.contains("Source <i>is</i> <bdi>&#60;script&#62;"));
    assert!(!page.contains("<script>alert"));
}

pub(crate) async fn sample_note(stand: &Stand) {
    let with = stand.get("/?site=news&from=2026-10-06&to=2026-10-08").await.body;
    let without = stand.get("/?site=news&period=7d").await.body;
    assert!(with.contains("Sample data.") && !without.contains("Sample data."));
}

pub(crate) async fn empty(stand: &Stand) {
    let page = stand.get("/?site=waiting").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Nothing has been measured yet"));
    assert!(page.body.contains("/kruimel/waiting.js"));
    assert_eq!(page.headers["refresh"], "5");
    // A period without anything is not a site without anything.
    let page = stand.get("/?site=news&from=2026-07-01&to=2026-07-03").await;
    assert!(page.body.contains("Nothing was measured in this period."));
    assert!(page.body.contains("The first day with anything is 18 Mar."));
}

pub(crate) async fn links(stand: &Stand) {
    let mut seen = BTreeSet::new();
    for start in ["/?site=news", "/details?site=news", "/definitions?site=news", "/?site=news&period=today"] {
        let page = stand.get(start).await.body;
        let hrefs =
            page.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"').map(|(href, _)| href));
        for href in hrefs.map(|href| href.replace("&#38;", "&").replace("&amp;", "&")) {
            let path = href.split('#').next().unwrap_or_default().to_owned();
            if path.starts_with('/') && seen.insert(path.clone()) {
                let answer = stand.get(&path).await;
                assert_eq!(answer.status, StatusCode::OK, "{start} leads to {path}: {}", answer.body);
            }
        }
    }
    assert!(seen.len() > 60, "only {} links", seen.len());
    let page = stand.get("/nowhere").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("There is no such page."));
}

pub(crate) async fn guard(stand: &Stand) {
    let host = ("host", "127.0.0.1:7701");
    for path in
        ["/", "/details", "/definitions", "/assets/x", "/api/v1/overview", "/api/openapi.json", "/nowhere"]
    {
        let answer = stand.send("GET", path, &[("host", "evil.example")], "").await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert!(answer.body.contains("not one of the dashboards' own"), "{}", answer.body);
        let answer = stand.send("GET", path, &[host, ("sec-fetch-site", "cross-site")], "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", kruimel_dashboards::CONTENT_SECURITY_POLICY),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
    }
    let page = stand.get("/?site=news").await;
    assert_eq!(page.headers["cache-control"], "no-store");
    let css = page.body.split_once("<link rel=\"stylesheet\" href=\"").unwrap().1.split_once('"').unwrap().0;
    let sheet = stand.get(css).await;
    assert_eq!(sheet.headers["content-type"], "text/css; charset=utf-8");
    assert!(sheet.headers["cache-control"].to_str().unwrap().contains("immutable"));
    let tag = sheet.headers["etag"].to_str().unwrap().to_owned();
    let again = stand.send("GET", css, &[host, ("if-none-match", &tag)], "").await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

pub(crate) async fn engine_away(stand: &Stand) {
    let page = stand.get("/?site=news").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    for sentence in ["The engine does not answer.", "none is lost", "tries again by itself"] {
        assert!(page.body.contains(sentence), "{sentence}");
    }
    assert_eq!(page.headers["refresh"], "5");
    let answer = stand.get("/api/v1/overview?site=news").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("engine_away"));
    // What needs no engine still answers.
    assert_eq!(stand.get("/definitions").await.status, StatusCode::OK);
}
