//! What a visitor meets, in Chromium, with every real part behind it.

use crate::browser::browse;
use crate::http::send;
use crate::stack::Stack;

const STORAGE: &str = "return localStorage.length + sessionStorage.length;";

#[test]
fn before_a_choice_nothing_is_stored_and_nothing_gated_is_requested() {
    let stack = Stack::start();
    browse(&[], async |browser| {
        browser.open_page(&stack.page("/")).await;
        browser
            .await_script(
                "return !!document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section')",
            )
            .await;
        assert!(browser.cookie_names().await.is_empty());
        assert_eq!(browser.run(STORAGE).await, 0);
        assert_eq!(browser.run("return (await indexedDB.databases()).length;").await, 0);
        let requested = browser.requested().await;
        let own = format!("http://localhost:{}/", stack.public.port());
        assert!(
            requested.iter().all(|address| address.starts_with(&own) || address.starts_with("data:")),
            "{requested:?}"
        );
        for gated in ["counter.js", "campaign.js", "tracker", "/events", "/consent"] {
            assert!(!requested.iter().any(|address| address.contains(gated)), "{gated}: {requested:?}");
        }
        browser.close().await;
    });
    stack.await_drained();
    assert_eq!(stack.count("SELECT (SELECT count() FROM events) + (SELECT count() FROM consents)"), 0);
}

#[test]
fn refusing_leaves_a_cookie_without_an_id_one_row_about_nobody_and_no_event() {
    let stack = Stack::start();
    browse(&[], async |browser| {
        browser.open_page(&stack.page("/")).await;
        browser.click_banner("Refuse all").await;
        browser.await_script("return !document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section:not([hidden])')").await;
        stack.await_count("SELECT count() FROM consents", 1);
        let cookie: serde_json::Value =
            serde_json::from_str(&browser.cookie("kruimel").await.unwrap()).unwrap();
        let mut keys: Vec<&String> = cookie.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["categories", "day", "revision", "services"]);
        assert_eq!(browser.cookie_names().await, ["kruimel"]);

        browser.requested().await;
        browser.open_page(&stack.page("/news/night-ferry")).await;
        browser.await_script("return !!window.kruimel?.getUserPreferences").await;
        let requested = browser.requested().await;
        let ours: Vec<_> = requested.iter().filter(|address| address.contains("/kruimel/")).collect();
        assert!(
            ours.len() <= 1 && ours.iter().all(|address| address.ends_with("/kruimel/demo.js")),
            "{ours:?}"
        );
        browser.close().await;
    });
    stack.await_drained();
    assert_eq!(stack.count("SELECT count() FROM events"), 0);
    assert_eq!(stack.count("SELECT count() FROM consents WHERE action = 'refuse' AND consent_id = 0"), 1);
}

#[test]
fn accepting_leads_to_a_page_view_on_the_dashboard_with_a_truncated_address() {
    let stack = Stack::start();
    browse(&[], async |browser| {
        browser.open_page(&stack.page("/news/night-ferry")).await;
        browser.click_banner("Accept all").await;
        stack.await_count("SELECT count() FROM events WHERE kind = 'view' AND path = '/news/night-ferry'", 1);
        assert_eq!(stack.texts("SELECT DISTINCT toString(ip_truncated) FROM events"), ["::ffff:127.0.0.0"]);
        let receipt: serde_json::Value =
            serde_json::from_str(&browser.cookie("kruimel").await.unwrap()).unwrap();
        assert!(receipt["sig"].is_string());
        browser.open_page(&format!("http://{}/?period=today", stack.admin)).await;
        let shown = browser.run("return document.body.innerText").await;
        assert!(shown.as_str().unwrap().contains("/news/night-ferry"), "{shown}");
        assert!(browser.complaints().await.is_empty(), "{:?}", browser.complaints().await);
        browser.close().await;
    });
    stack.await_drained();
    assert_eq!(
        stack.count("SELECT sum(visible_ms) > 0 AND sum(engaged_ms) <= sum(visible_ms) FROM events"),
        1
    );
}

#[test]
fn withdrawing_stops_every_tab_and_leaves_nothing_of_the_visitor() {
    let stack = Stack::start();
    browse(&[], async |browser| {
        browser.open_page(&stack.page("/")).await;
        browser.click_banner("Accept all").await;
        stack.await_count("SELECT count() FROM events WHERE kind = 'view'", 1);
        let cookies = old_cookies(&browser).await;
        let first = browser.open_tab().await;
        browser.open_page(&stack.page("/news/night-ferry")).await;
        stack.await_count("SELECT count() FROM events WHERE kind = 'view'", 2);

        browser.run("document.querySelector('[data-cc=show-preferencesModal]').click()").await;
        browser.click_banner("Refuse all").await;
        stack.await_count("SELECT count() FROM consents WHERE action = 'withdraw'", 1);
        let mut names = browser.cookie_names().await;
        names.sort();
        assert_eq!(names, ["kruimel"]);

        // The other tab still holds a running tracker: neither its goodbye nor anything else of it may be kept.
        browser.switch_to(first).await;
        browser.requested().await;
        browser.open_page(&stack.page("/shop")).await;
        browser.await_script("return !!window.kruimel?.getUserPreferences").await;
        let sent: Vec<_> =
            browser.requested().await.into_iter().filter(|address| address.ends_with("/events")).collect();
        assert!(sent.is_empty(), "{sent:?}");

        let old =
            crate::sender::try_batch(stack.public, &cookies, &crate::sender::batch(1, "/late")).unwrap();
        assert_eq!(old.status, 403);
        browser.close().await;
    });
    stack.await_drained();
    stack.await_count("SELECT count() FROM events", 0);
}

async fn old_cookies(browser: &crate::browser::Browser) -> String {
    let mut pairs = Vec::new();
    for name in ["kruimel", "kruimel_id"] {
        let value = browser.cookie(name).await.unwrap();
        let encoded: String = value
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
                    (byte as char).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        pairs.push(format!("{name}={encoded}"));
    }
    pairs.join("; ")
}

#[test]
fn a_gated_script_runs_only_after_consent() {
    let stack = Stack::start();
    browse(&[], async |browser| {
        browser.open_page(&stack.page("/")).await;
        browser
            .await_script(
                "return !!document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section')",
            )
            .await;
        assert_eq!(browser.run("return window.demoAnalytics ?? null").await, serde_json::Value::Null);
        browser.click_banner("Accept all").await;
        browser.await_script("return window.demoAnalytics === true").await;
        browser.open_page(&stack.page("/news/night-ferry")).await;
        browser.await_script("return window.demoAnalytics === true").await;
        browser.close().await;
    });
}

#[test]
fn without_webassembly_everything_stays_blocked_and_the_page_is_usable() {
    let stack = Stack::start();
    browse(&["--js-flags=--noexpose-wasm"], async |browser| {
        browser.open_page(&stack.page("/")).await;
        assert_eq!(browser.run("return typeof WebAssembly").await, "undefined");
        browser.await_script("return !!window.kruimel").await;
        assert_eq!(browser.run("return window.demoAnalytics ?? null").await, serde_json::Value::Null);
        assert!(browser.cookie_names().await.is_empty());
        browser.click("main a[href]").await;
        browser.await_script("return location.pathname !== '/' && document.readyState === 'complete'").await;
        assert!(
            !browser
                .requested()
                .await
                .iter()
                .any(|address| address.contains("counter.js") || address.ends_with("/events"))
        );
        browser.close().await;
    });
    stack.await_drained();
    assert_eq!(stack.count("SELECT count() FROM events"), 0);
}

#[test]
fn the_dashboard_equals_direct_sql() {
    let stack = Stack::start_with(&["--demo-days", "40"]);
    stack.await_that("the sample history is written", || {
        stack.log().contains("The sample history is written")
    });
    stack.await_drained();
    let body =
        br#"{"site":"demo","period":"30d","metrics":["visitors","visits","page_views","bounce_rate"]}"#;
    let headers = [("content-type", "application/json")];
    let host = format!("localhost:{}", stack.admin.port());
    let headers = [headers[0], ("host", host.as_str()), ("sec-fetch-site", "none")];
    let answer = send(stack.admin, "POST", "/api/v1/query", &headers, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    panic!("{}", answer.text());
}
