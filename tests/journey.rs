//! What a visitor meets, in Chromium, with every real part behind it.

use crate::browser::Browser;
use crate::http::send;
use crate::stack::Stack;

const STORAGE: &str = "return localStorage.length + sessionStorage.length;";

#[test]
fn before_a_choice_nothing_is_stored_and_nothing_gated_is_requested() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    browser.open_page(&stack.page("/"));
    browser.await_script(
        "return !!document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section')",
    );
    assert!(browser.cookie_names().is_empty());
    assert_eq!(browser.run(STORAGE), 0);
    assert_eq!(browser.run("return (await indexedDB.databases()).length;"), 0);
    let requested = browser.requested();
    let own = format!("http://localhost:{}/", stack.public.port());
    assert!(
        requested.iter().all(|address| address.starts_with(&own) || address.starts_with("data:")),
        "{requested:?}"
    );
    for gated in ["counter.js", "campaign.js", "tracker", "/events", "/consent"] {
        assert!(!requested.iter().any(|address| address.contains(gated)), "{gated}: {requested:?}");
    }
    browser.close();
    stack.await_drained();
    assert_eq!(stack.count("SELECT sum(total_rows) FROM (SELECT count() AS total_rows FROM events UNION ALL SELECT count() FROM consents)"), 0);
}

#[test]
fn refusing_leaves_a_cookie_without_an_id_one_row_about_nobody_and_no_event() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    browser.open_page(&stack.page("/"));
    browser.click_banner("Refuse all");
    browser.await_script(
        "return !document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section:not([hidden])')",
    );
    stack.await_count("SELECT count() FROM consents", 1);
    let cookie: serde_json::Value = serde_json::from_str(&browser.cookie("kruimel").unwrap()).unwrap();
    let mut keys: Vec<&String> = cookie.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["categories", "day", "revision", "services"]);
    assert_eq!(browser.cookie_names(), ["kruimel"]);

    browser.requested();
    browser.open_page(&stack.page("/news"));
    browser.await_script("return !!window.kruimel?.getUserPreferences");
    let requested = browser.requested();
    let ours: Vec<_> = requested.iter().filter(|address| address.contains("/kruimel/")).collect();
    assert!(ours.len() <= 1 && ours.iter().all(|address| address.ends_with("/kruimel/demo.js")), "{ours:?}");
    browser.close();
    stack.await_drained();
    assert_eq!(stack.count("SELECT count() FROM events"), 0);
    assert_eq!(stack.count("SELECT count() FROM consents WHERE action = 'refuse' AND consent_id = 0"), 1);
}

#[test]
fn accepting_leads_to_a_page_view_on_the_dashboard_with_a_truncated_address() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    browser.open_page(&stack.page("/news/night-ferry"));
    browser.click_banner("Accept all");
    stack.await_count("SELECT count() FROM events WHERE kind = 'view' AND path = '/news/night-ferry'", 1);
    assert_eq!(stack.texts("SELECT DISTINCT toString(ip_truncated) FROM events"), ["::ffff:127.0.0.0"]);
    let receipt: serde_json::Value = serde_json::from_str(&browser.cookie("kruimel").unwrap()).unwrap();
    assert!(receipt["sig"].is_string());
    browser.open_page(&format!("http://{}/?period=today", stack.admin));
    let shown = browser.run("return document.body.innerText");
    assert!(shown.as_str().unwrap().contains("/news/night-ferry"), "{shown}");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
    // The page that was left tells how long it was looked at while the browser goes on.
    stack.await_count("SELECT toUInt64(sum(visible_ms) > 0) FROM events", 1);
    browser.close();
    stack.await_drained();
    assert_eq!(
        stack
            .count("SELECT toUInt64(sum(visible_ms) > 0 AND sum(engaged_ms) <= sum(visible_ms)) FROM events"),
        1
    );
}

#[test]
fn withdrawing_stops_every_tab_and_leaves_nothing_of_the_visitor() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    browser.open_page(&stack.page("/"));
    browser.click_banner("Accept all");
    stack.await_count("SELECT count() FROM events WHERE kind = 'view'", 1);
    let cookies = old_cookies(&browser);
    let first = browser.open_tab();
    browser.open_page(&stack.page("/news/night-ferry"));
    stack.await_count("SELECT count() FROM events WHERE kind = 'view'", 2);

    browser.run("document.querySelector('[data-cc=show-preferencesModal]').click()");
    browser.click_banner("Refuse all");
    stack.await_count("SELECT count() FROM consents WHERE action = 'withdraw'", 1);
    let mut names = browser.cookie_names();
    names.sort();
    assert_eq!(names, ["kruimel"]);

    // The other tab still holds a running tracker: neither its goodbye nor anything else of it may be kept.
    browser.switch_to(first);
    browser.requested();
    browser.open_page(&stack.page("/shop"));
    browser.await_script("return !!window.kruimel?.getUserPreferences");
    let sent: Vec<_> =
        browser.requested().into_iter().filter(|address| address.ends_with("/events")).collect();
    assert!(sent.is_empty(), "{sent:?}");

    let old = crate::sender::try_batch(stack.public, &cookies, &crate::sender::batch(1, "/late")).unwrap();
    assert_eq!(old.status, 403);
    browser.close();
    stack.await_drained();
    stack.await_count("SELECT count() FROM events", 0);
}

fn old_cookies(browser: &Browser) -> String {
    let mut pairs = Vec::new();
    for name in ["kruimel", "kruimel_id"] {
        let value = browser.cookie(name).unwrap();
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
    let browser = Browser::start(&[]);
    browser.open_page(&stack.page("/"));
    browser.await_script(
        "return !!document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section')",
    );
    assert_eq!(browser.run("return window.demoAnalytics ?? null"), serde_json::Value::Null);
    browser.click_banner("Accept all");
    browser.await_script("return window.demoAnalytics === true");
    browser.open_page(&stack.page("/news/night-ferry"));
    browser.await_script("return window.demoAnalytics === true");
    browser.close();
}

#[test]
fn without_webassembly_everything_stays_blocked_and_the_page_is_usable() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    // As where it is switched off by policy or a lock-down.
    browser.run_first("delete globalThis.WebAssembly");
    browser.open_page(&stack.page("/"));
    assert_eq!(browser.run("return typeof WebAssembly"), "undefined");
    browser.await_script("return !!window.kruimel");
    assert_eq!(browser.run("return window.demoAnalytics ?? null"), serde_json::Value::Null);
    assert!(browser.cookie_names().is_empty());
    browser.click("main a[href]");
    browser.await_script("return location.pathname !== '/' && document.readyState === 'complete'");
    assert!(
        !browser
            .requested()
            .iter()
            .any(|address| address.contains("counter.js") || address.ends_with("/events"))
    );
    browser.close();
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
    let days = "site_id = 'demo' AND toDate(ts, 'Europe/Brussels') BETWEEN toDate(now(), 'Europe/Brussels') - 30 \
                AND toDate(now(), 'Europe/Brussels') - 1";
    let direct = [
        format!("SELECT uniqExact(visitor_id) FROM events WHERE kind = 'view' AND {days}"),
        format!("SELECT uniqExact(visit_id) FROM events WHERE kind = 'view' AND {days}"),
        format!("SELECT count() FROM events WHERE kind = 'view' AND {days}"),
    ]
    .map(|sql| stack.count(&sql));
    let bounced = stack.count(&format!(
        "SELECT count() FROM (SELECT visit_id FROM events WHERE kind = 'view' AND {days} GROUP BY visit_id HAVING count() = 1)"
    ));
    assert!(direct.iter().all(|&number| number > 500) && bounced > 100, "{direct:?} {bounced}");

    let body =
        br#"{"site":"demo","period":"30d","metrics":["visitors","visits","page_views","bounce_rate"]}"#;
    let host = format!("localhost:{}", stack.admin.port());
    let headers = [("content-type", "application/json"), ("host", host.as_str()), ("sec-fetch-site", "none")];
    let answer = send(stack.admin, "POST", "/api/v1/query", &headers, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shown = &answer.json()["rows"][0]["metrics"];
    for (place, number) in direct.iter().enumerate() {
        assert_eq!(shown[place].as_u64(), Some(*number), "{shown}");
    }
    let rate = shown[3].as_f64().unwrap();
    assert!((rate - bounced as f64 / direct[1] as f64).abs() < 1e-9, "{shown}");

    let decided = "SELECT count() FROM consents WHERE action != 'withdraw' AND NOT has(granted, 'analytics') AND toDate(ts, 'Europe/Brussels') \
                   BETWEEN toDate(now(), 'Europe/Brussels') - 30 AND toDate(now(), 'Europe/Brussels') - 1";
    let page = send(stack.admin, "GET", "/?period=30d", &headers[1..], b"");
    for number in [direct[0], direct[1], direct[2], stack.count(decided)] {
        assert!(page.text().contains(&grouped(number)), "{number} is not on the page");
    }
}

/// A number with commas between its thousands, as the page writes it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[test]
fn the_sample_history_goes_with_one_command_and_real_visits_stay() {
    let stack = Stack::start_with(&["--demo-days", "5"]);
    stack.await_that("the sample history is written", || {
        stack.log().contains("The sample history is written")
    });
    let cookies = stack.decide("accept", &["functional", "analytics", "advertising"], "").cookies();
    let real = crate::sender::try_batch(stack.public, &cookies, &crate::sender::batch(1, "/real")).unwrap();
    assert_eq!(real.status, 202);
    stack.await_drained();
    assert!(stack.count("SELECT count() FROM events WHERE sample = 1") > 100);

    let removed = std::process::Command::new(env!("CARGO_BIN_EXE_kruimel"))
        .args(["sample", "remove", "--demo-data"])
        .arg(stack.data())
        .output()
        .unwrap();
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    assert_eq!(stack.count("SELECT count() FROM events WHERE sample = 1"), 0);
    assert_eq!(stack.count("SELECT count() FROM consents WHERE sample = 1"), 0);
    assert_eq!(stack.texts("SELECT path FROM events"), ["/real"]);
    assert_eq!(stack.count("SELECT count() FROM consents"), 1);

    // What was removed stays removed: the next start with the same arguments fills nothing.
    let mut stack = stack;
    assert!(stack.stop().success());
    let history = std::fs::read_to_string(stack.data().join("sample-history")).unwrap();
    assert_eq!(history, "removed");
}

#[test]
fn a_choice_taken_back_in_one_tab_closes_the_gates_in_every_other() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    browser.open_page(&stack.page("/"));
    browser.click_banner("Accept all");
    stack.await_count("SELECT count() FROM events WHERE kind = 'view'", 1);
    // A choice that runs out in an open page is none there.
    let left = browser.run(
        "const now = Date;
         Date = class extends now { constructor() { super(3e12); } };
         const left = [kruimel.getUserPreferences() ?? null, kruimel.acceptedCategory('analytics')];
         Date = now;
         return [...left, kruimel.acceptedCategory('analytics')];",
    );
    assert_eq!(left, serde_json::json!([null, false, true]));
    browser.run(
        "window.__before = true;
         addEventListener('kruimel:onChange', ({ detail }) => { localStorage.seen = JSON.stringify([detail.changedCategories,
            kruimel.acceptedCategory('analytics'), kruimel.getUserPreferences().categories, dataLayer.at(-1)[2].analytics_storage]); });",
    );
    let first = browser.open_tab();
    browser.open_page(&stack.page("/news/night-ferry"));
    browser.await_script("return kruimel.acceptedCategory('analytics')");
    browser.run("document.querySelector('[data-cc=show-preferencesModal]').click()");
    browser.click_banner("Refuse all");
    stack.await_count("SELECT count() FROM consents WHERE action = 'withdraw'", 1);

    // Nothing wakes the loader but what the page inserts. The page is told, and then loaded again, as its scripts ran.
    browser.switch_to(first);
    browser.run("document.body.append(document.createElement('p'))");
    let seen = browser.await_script("return !window.__before && localStorage.seen");
    let told = r#"[["functional","analytics","advertising"],false,["necessary"],"denied"]"#;
    assert_eq!(seen, told);
    browser.await_script("return !!window.kruimel?.getUserPreferences");

    // Scripts are released in their order: the last one shows that the others were looked at.
    browser.run(
        "const gated = (kind, category, address) => {
             const element = document.createElement(kind);
             if (kind === 'script') element.type = 'text/plain';
             element.dataset.category = category;
             element.dataset.src = address;
             element.id = 'late-' + kind + '-' + category;
             document.body.append(element);
         };
         gated('iframe', 'analytics', '/shop');
         gated('script', 'analytics', '/assets/counter.js');
         gated('script', 'necessary', '/kruimel/demo.js');",
    );
    browser.await_script("return !!document.querySelector('#late-script-necessary').src");
    let seen = "return [document.querySelector('#late-iframe-analytics').getAttribute('src'),
        document.querySelector('#late-script-analytics').type, window.demoAnalytics ?? null, kruimel.acceptedCategory('analytics'),
        kruimel.getUserPreferences().categories, dataLayer.at(-1)[2].analytics_storage]";
    assert_eq!(
        browser.run(seen),
        serde_json::json!([null, "text/plain", null, false, ["necessary"], "denied"])
    );
    browser.close();
}
