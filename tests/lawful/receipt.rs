//! What the collector keeps of a choice, and where: for one domain, for one session, of whoever is of age; and what it
//! removes that scripts cannot reach.

use super::{ACCEPT, REFUSE, Visitor};
use crate::browser::Browser;
use crate::http::{Answer, send};
use crate::sender::{batch, try_batch};
use crate::stack::{Stack, USER_AGENT};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;

const DEMO: &str = include_str!("../../collector/src/config/demo.toml");
const ALL: [&str; 3] = ["functional", "analytics", "advertising"];
/// Two hosts of one domain, both on this machine.
const TWO_HOSTS: &str = "--host-resolver-rules=MAP *.kaaidam.test 127.0.0.1, MAP kaaidam.test 127.0.0.1";
const WWW: &str = "www.kaaidam.test";
const BARE: &str = "kaaidam.test";

/// The demo's site as a config file, with more keys of its own and more sections after it.
fn config(keys: &str, sections: &str) -> String {
    let listen = "data_dir = \"data\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n";
    let site = format!("id = \"demo\"\n{keys}\n");
    format!("{}\n{sections}\n", DEMO.replace("[listen]\n", listen).replace("id = \"demo\"\n", &site))
}

/// The same under the two hosts, which share one choice.
fn config_of_two_hosts(sections: &str) -> String {
    let local = "hosts = [\"localhost\", \"127.0.0.1\"]";
    let hosts = format!("hosts = [\"{WWW}\", \"{BARE}\"]\ncookie_domain = \"{BARE}\"");
    assert!(DEMO.contains(local));
    config("", sections).replace(local, &hosts)
}

/// Sends a decision as a page of `host` does, with further members and headers.
fn decide(stack: &Stack, host: &str, more: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut body = json!({
        "v": 1, "site": "demo", "action": "refuse", "categories": [], "revision": 1, "text": "", "language": "en",
        "surface": "notice",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let origin = format!("http://{host}:{}", stack.public.port());
    let mut all =
        vec![("origin", origin.as_str()), ("content-type", "text/plain"), ("user-agent", USER_AGENT)];
    all.extend(headers);
    send(stack.public, "POST", "/kruimel/consent", &all, body.to_string().as_bytes())
}

fn accept() -> Value {
    json!({"action": "accept", "categories": ALL})
}

/// Opens a plain page of a host and puts the script tag on it.
fn open(visitor: &Visitor, host: &str) {
    visitor.browser.open_page(&format!("http://{host}:{}/kruimel/nothing", visitor.stack.public.port()));
    visitor.browser.run(
        "document.head.append(Object.assign(document.createElement('script'), {src: '/kruimel/demo.js'}));",
    );
    visitor.browser.await_script("return !!window.kruimel?.getUserPreferences");
}

fn await_question(visitor: &Visitor) {
    visitor.await_see("return !!notice && (window.__since = performance.now())");
}

/// Domain and path of every cookie of that name, whichever host the browser keeps it for.
fn kept(browser: &Browser, name: &str) -> Vec<(String, String)> {
    let all = browser.protocol("Network.getAllCookies", &json!({}));
    let named = all["cookies"].as_array().unwrap().iter().filter(|cookie| cookie["name"] == name);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    named.map(|cookie| (text(&cookie["domain"]), text(&cookie["path"]))).collect()
}

#[test]
fn l24_one_choice_holds_under_two_hosts_and_leaves_no_duplicate_cookie() {
    let stack = Stack::start_with_config(&config_of_two_hosts(""));
    let visitor = Visitor { browser: Browser::start(&[TWO_HOSTS]), stack: Arc::new(stack) };
    open(&visitor, WWW);
    // From before the site had a domain: a choice of an earlier revision, for this host alone.
    visitor.browser.run(
        "document.cookie = 'kruimel=' + encodeURIComponent(JSON.stringify({categories: ['necessary'], services: {},
            revision: 0, day: new Date().toISOString().slice(0, 10)})) + '; Path=/'",
    );
    assert_eq!(kept(&visitor.browser, "kruimel"), [(WWW.to_owned(), "/".to_owned())]);
    open(&visitor, WWW);
    await_question(&visitor);
    visitor.decide("section", ACCEPT);
    let one = [(format!(".{BARE}"), "/".to_owned())];
    for name in ["kruimel", "kruimel_id"] {
        assert_eq!(kept(&visitor.browser, name), one, "{name}");
    }

    open(&visitor, BARE);
    // The collector answers for it here too.
    visitor.await_see("return kruimel.acceptedCategory('analytics')");
    assert_eq!(visitor.see("return notice ?? null"), Value::Null);
    visitor.browser.run("kruimel.showPreferences()");
    visitor.await_dialog();
    visitor.decide("dialog", REFUSE);
    assert_eq!(kept(&visitor.browser, "kruimel"), one);
    assert!(kept(&visitor.browser, "kruimel_id").is_empty());

    open(&visitor, WWW);
    assert_eq!(
        visitor.see("return [notice ?? null, kruimel.acceptedCategory('analytics')]"),
        json!([null, false])
    );
    assert_eq!(kept(&visitor.browser, "kruimel"), one);
    visitor.leave();
}

#[test]
fn l24_a_newer_choice_for_the_domain_counts_over_an_older_one_of_a_host_alone() {
    let stack = Stack::start_with_config(&config_of_two_hosts(""));
    let visitor = Visitor { browser: Browser::start(&[TWO_HOSTS]), stack: Arc::new(stack) };
    open(&visitor, WWW);
    await_question(&visitor);
    visitor.decide("section", ACCEPT);
    // As the receipt was kept before the site had a domain.
    visitor.browser.run(
        "const [receipt] = document.cookie.match(/kruimel=[^;]*/);
         document.cookie = 'kruimel=; Max-Age=0; Path=/; Domain=kaaidam.test';
         document.cookie = receipt + '; Path=/'",
    );
    open(&visitor, WWW);
    assert_eq!(visitor.see("return kruimel.acceptedCategory('analytics')"), true);
    open(&visitor, BARE);
    await_question(&visitor);
    visitor.decide("section", REFUSE);
    open(&visitor, WWW);
    assert_eq!(kept(&visitor.browser, "kruimel").len(), 2);
    assert_eq!(
        visitor.see("return [notice ?? null, kruimel.acceptedCategory('analytics')]"),
        json!([null, false])
    );
    visitor.leave();
}

#[test]
fn l24_a_receipt_from_before_the_shared_domain_ends_with_the_same_withdrawal() {
    let stack = Stack::start_with_config(&config_of_two_hosts(""));
    let receipts = [1, 2].map(|_| {
        let answer = decide(&stack, WWW, &accept(), &[]);
        let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value);
        let domain = cookies.clone().find(|value| value.contains("Domain=kaaidam.test")).unwrap();
        assert!(domain.starts_with("kruimel={"), "{domain}");
        domain.split(';').next().unwrap().to_owned()
    });
    let withdraw = json!({"action": "withdraw"});
    assert_eq!(decide(&stack, WWW, &withdraw, &[("cookie", &receipts.join("; "))]).status, 200);
    let batch = batch(1, "/page").replace("\"localhost\"", &format!("\"{WWW}\""));
    for receipt in &receipts {
        let refused = try_batch(stack.public, receipt, &batch).unwrap();
        assert_eq!(refused.json()["reason"], "withdrawn_receipt");
    }
    stack.await_count("SELECT uniqExact(withdraws) FROM consents WHERE action = 'withdraw'", 2);
}

#[test]
fn l24_a_grant_over_two_receipts_goes_on_with_the_newest_and_ends_the_other_with_its_rows() {
    let stack = Stack::start_with_config(&config_of_two_hosts(""));
    let measure = |number, cookies: &str| {
        let body = batch(number, "/page").replace("\"localhost\"", &format!("\"{WWW}\""));
        let origin = format!("http://{WWW}");
        let headers = [
            ("origin", origin.as_str()),
            ("content-type", "text/plain"),
            ("cookie", cookies),
            ("user-agent", USER_AGENT),
        ];
        send(stack.public, "POST", "/kruimel/events", &headers, body.as_bytes())
    };
    let receipts = [1, 2].map(|number| {
        let granted = decide(&stack, WWW, &accept(), &[]);
        let id = granted.json()["consentId"].as_str().unwrap().to_owned();
        let mut cookies =
            granted.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value);
        let receipt = cookies.rfind(|value| value.starts_with("kruimel={")).unwrap();
        let receipt = receipt.split(';').next().unwrap().to_owned();
        assert_eq!(measure(number, &receipt).status, 202);
        let now_ms = || time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let granted_ms = now_ms();
        stack.await_that("the next receipt is a later one", || now_ms() > granted_ms);
        (id, receipt)
    });
    stack.await_count("SELECT count() FROM events", 2);
    let [(older, older_text), (newer, newer_text)] = receipts;

    // Whichever of them the browser sends first.
    let both = format!("{newer_text}; {older_text}");
    let again = decide(&stack, WWW, &accept(), &[("cookie", &both)]);
    assert_eq!(again.json()["consentId"], newer);
    assert_eq!(measure(3, &older_text).json()["reason"], "withdrawn_receipt");
    stack.await_count("SELECT count() FROM events", 1);
    stack.await_count(&format!("SELECT count() FROM consents WHERE withdraws = 0x{older}"), 1);

    let cookies = format!("{older_text}; {}", again.cookies());
    assert_eq!(decide(&stack, WWW, &json!({"action": "withdraw"}), &[("cookie", &cookies)]).status, 200);
    stack.await_count("SELECT count() FROM events", 0);
    stack.await_count(&format!("SELECT count() FROM consents WHERE withdraws = 0x{newer}"), 1);
}

#[test]
fn l18_a_choice_for_one_session_ends_with_it_whichever_it_is() {
    const DAY_MS: u64 = 86_400_000;
    let stack = Stack::start_with_config(&config("session_choice = true", ""));
    let visitor = Visitor { browser: Browser::start(&[]), stack: Arc::new(stack) };
    open(&visitor, "localhost");
    for (action, categories) in [("accept", json!(ALL)), ("refuse", json!([]))] {
        let body = json!({"v": 1, "site": "demo", "action": action, "categories": categories, "revision": 1, "text": "",
            "language": "en", "surface": "preferences", "session": true});
        let body = Value::from(body.to_string());
        let answer = visitor.browser.run(&format!(
            "return fetch('/kruimel/consent', {{method: 'POST', body: {body}}}).then(one => one.json())"
        ));
        assert_eq!(answer["session"], true, "{answer}");
        let now_ms = visitor.browser.run("return Date.now()").as_u64().unwrap();
        assert!(answer["expirationTime"].as_u64().unwrap_or(0) <= now_ms + DAY_MS, "{answer}");
        let cookies = visitor.browser.protocol("Network.getCookies", &json!({}));
        let cookies = cookies["cookies"].as_array().unwrap();
        let expected = if action == "accept" { &["kruimel", "kruimel_id"][..] } else { &["kruimel"] };
        for name in expected {
            let cookie = cookies.iter().find(|cookie| cookie["name"] == *name).unwrap();
            assert_eq!(cookie["session"], true, "{action} {cookie}");
        }
        assert_eq!(
            cookies.iter().filter(|cookie| cookie["name"].as_str().unwrap().starts_with("kruimel")).count(),
            expected.len()
        );
    }
    visitor.leave();

    let stack = Stack::start();
    let refused = decide(&stack, "localhost", &json!({"session": true}), &[]);
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (422, Some("not_offered")));
    assert!(refused.set_cookie("kruimel").is_none());
}

#[test]
fn l28_cookies_that_scripts_cannot_see_are_removed_by_the_collectors_answer() {
    let service = "[[site.service]]\nid = \"counter\"\ncategory = \"analytics\"\nname = \"Counter\"\nprovider = \"City\"\n\
        purpose = \"Counts.\"\ncookies = [\n{ name = \"seen\", purpose = \"p\", duration = \"1 day\", http_only = true },\n\
        { name = \"deep\", purpose = \"p\", duration = \"1 day\", http_only = true, path = \"/shop\" }]\n";
    let stack = Stack::start_with_config(&config_of_two_hosts(service));
    let visitor = Visitor { browser: Browser::start(&[TWO_HOSTS]), stack: Arc::new(stack) };
    open(&visitor, WWW);
    await_question(&visitor);
    visitor.decide("section", ACCEPT);
    let set = |name: &str, domain: Option<&str>, path: &str| {
        let url = format!("http://{WWW}/");
        let mut cookie = json!({"name": name, "value": "1", "url": url, "path": path, "httpOnly": true});
        if let Some(domain) = domain {
            cookie["domain"] = domain.into();
        }
        assert_eq!(visitor.browser.protocol("Network.setCookie", &cookie)["success"], true);
    };
    for domain in [None, Some(".www.kaaidam.test"), Some(".kaaidam.test")] {
        set("seen", domain, "/");
        set("deep", domain, "/shop");
        set("other", domain, "/");
    }
    let count = |name| kept(&visitor.browser, name).len();
    assert_eq!([count("seen"), count("deep"), count("other")], [3; 3]);
    assert!(!visitor.browser.run("return document.cookie").as_str().unwrap().contains("seen"));
    visitor.browser.run("kruimel.showPreferences()");
    visitor.await_dialog();
    visitor.decide("dialog", REFUSE);
    assert_eq!([count("seen"), count("deep"), count("other")], [0, 0, 3]);
    visitor.leave();
}

#[test]
fn l48_a_grant_without_a_stated_age_is_not_taken_and_no_age_is_kept() {
    let stack = Stack::start_with_config(&config("", "[site.age]\ncountry = \"BE\""));
    for grant in [accept(), json!({"action": "save", "categories": ["functional"]})] {
        let refused = decide(&stack, "localhost", &grant, &[]);
        assert_eq!((refused.status, refused.json()["reason"].as_str()), (403, Some("age_not_stated")));
        assert!(!refused.headers.iter().any(|(name, _)| name == "set-cookie"), "{refused:?}");
    }
    assert_eq!(decide(&stack, "localhost", &json!({}), &[]).status, 200);
    let mut grant = accept();
    grant["of_age"] = true.into();
    let granted = decide(&stack, "localhost", &grant, &[]);
    assert_eq!(granted.status, 200, "{}", granted.text());
    // Taking something back needs no age.
    let narrower = json!({"action": "save", "categories": ["functional"]});
    assert_eq!(decide(&stack, "localhost", &narrower, &[("cookie", &granted.cookies())]).status, 200);
    stack.await_count("SELECT count() FROM consents", 3);
    let rows = stack.texts("SELECT formatRow('JSONEachRow', *) FROM consents").concat();
    for kept in [rows, granted.text().to_owned(), granted.cookies(), stack.log()] {
        assert!(!kept.contains("of_age") && !kept.contains("\"age\""), "{kept}");
    }
}

#[test]
fn a_refusal_taken_over_keeps_its_own_end_and_never_ends_a_choice_made_here() {
    let stack = Stack::start();
    let import = |until: &str, cookies: &str| {
        let more = json!({"surface": "import", "until_day": until});
        decide(&stack, "localhost", &more, &[("cookie", cookies)])
    };
    let far = import("2999-01-01", "");
    assert_eq!(far.json()["until"], Value::Null);
    assert!(far.set_cookie("kruimel").unwrap().contains(&format!("Max-Age={}", 182 * 86_400)));
    let tomorrow = (time::OffsetDateTime::now_utc() + time::Duration::days(2)).date().to_string();
    let near = import(&tomorrow, "");
    assert_eq!(near.json()["until"], *tomorrow);
    let age =
        near.set_cookie("kruimel").unwrap().split("Max-Age=").nth(1).unwrap().split(';').next().unwrap();
    assert!((86_400..=2 * 86_400).contains(&age.parse::<i64>().unwrap()), "{age}");
    let granted = decide(&stack, "localhost", &accept(), &[]).cookies();
    assert_eq!(import(&tomorrow, &granted).status, 422);
    assert_eq!(try_batch(stack.public, &granted, &batch(1, "/page")).unwrap().status, 202);
}

#[test]
fn the_privacy_signal_alone_writes_nothing_and_a_choice_made_under_it_counts() {
    let stack = Stack::start_with_config(&config("gpc_json = true\nrevision_since = \"2026-11-03\"", ""));
    let get = |path: &str, host: &str| {
        send(stack.public, "GET", path, &[("host", host), ("sec-gpc", "1"), ("user-agent", USER_AGENT)], b"")
    };
    for path in ["/kruimel/demo.js", "/kruimel/privacy", "/kruimel/cookies", "/.well-known/gpc.json"] {
        let answer = get(path, "localhost");
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.headers.iter().any(|(name, _)| name == "set-cookie"), "{path}");
    }
    let statement = get("/.well-known/gpc.json", "localhost:7700");
    assert_eq!(statement.json(), json!({"gpc": true, "lastUpdate": "2026-11-27"}));
    assert_eq!(get("/.well-known/gpc.json", "elsewhere.example").status, 404);
    let cookies = decide(&stack, "localhost", &accept(), &[("sec-gpc", "1")]).cookies();
    assert_eq!(try_batch(stack.public, &cookies, &batch(1, "/page")).unwrap().status, 202);
    stack.await_count("SELECT count() FROM consents", 1);
    assert_eq!(
        send(Stack::start().public, "GET", "/.well-known/gpc.json", &[("host", "localhost")], b"").status,
        404
    );
}

#[test]
fn a_service_that_was_left_out_is_held_out_by_the_collector_and_the_ledger_says_so() {
    let stack = Stack::start_with_config(&config("service_switches = true", ""));
    let save = |services: Value, cookies: &str| {
        let more =
            json!({"action": "save", "categories": ["analytics"], "services": {"analytics": services}});
        decide(&stack, "localhost", &more, &[("cookie", cookies)])
    };
    let measured = save(json!(["kruimel"]), "");
    assert_eq!(measured.json()["services"], json!({"analytics": ["kruimel"]}));
    assert_eq!(try_batch(stack.public, &measured.cookies(), &batch(1, "/page")).unwrap().status, 202);
    let other = save(json!(["leeshoek"]), &measured.cookies());
    assert_ne!(other.json()["consentId"], measured.json()["consentId"]);
    assert!(other.set_cookie("kruimel_id").unwrap().contains("Max-Age=0"));
    let refused = try_batch(stack.public, &other.cookies(), &batch(2, "/page")).unwrap();
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (403, Some("not_granted")));
    let ended = try_batch(stack.public, &measured.cookies(), &batch(3, "/page")).unwrap();
    assert_eq!(ended.json()["reason"], "withdrawn_receipt");
    assert_eq!(save(json!([]), "").json()["categories"], json!(["necessary"]));
    assert_eq!(save(json!(["jan.peeters"]), "").status, 422);
    stack.await_count(
        "SELECT count() FROM consents WHERE has(granted, 'analytics') AND has(denied, 'analytics:kruimel')",
        1,
    );
}

#[test]
fn check_says_what_each_loader_weighs_and_what_makes_one_heavy() {
    let folder = tempfile::tempdir().unwrap();
    let said = |keys: &str, sections: &str| {
        let file = folder.path().join("kruimel.toml");
        std::fs::write(&file, config(keys, sections)).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_kruimel")).arg("check").arg(&file).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said = String::from_utf8(done.stdout).unwrap();
        said.lines().find(|line| line.contains("its loader weighs")).unwrap().to_owned()
    };
    let plain = said("", "");
    assert!(plain.ends_with(" bytes of the 2048 that we promise"), "{plain}");
    let all = said(
        "google = true\nmicrosoft = true\nevent_aliases = true\nsignal = \"quiet\"\ndo_not_track = true\ntrusted_types = true",
        "[site.theme]\ncrumb = { light = \"#7a3d8f\", dark = \"#d9a6ea\" }",
    );
    // Everything at once fits, with a simpler mark.
    assert!(all.ends_with(" bytes of the 2048 that we promise"), "{all}");
    // What does not is long in its own words.
    let all = said(
        "google = true\nmicrosoft = true\nevent_aliases = true\nsignal = \"quiet\"\ndo_not_track = true\ntrusted_types = true",
        "[site.theme]\ncrumb = { light = \"#7a3d8f\", dark = \"#d9a6ea\" }\nsurface = { light = \"#fefdfb\", dark = \"#1d1a15\" }\n\
         [site.texts.en]\nreopen = \"Jukebox: quiz vexed zephyrs, gym flop?\"\n\
         [site.texts.nl]\nreopen = \"Pas wijze lynx bij, vraag om koffie?\"\n\
         [site.texts.de]\nreopen = \"Zwölf Boxkämpfer jagen Viktor quer\"",
    );
    let bytes: usize = all.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!((2_049..=2_400).contains(&bytes), "{all}");
    assert!(
        all.ends_with("; each of these adds to it, off it does not: google, microsoft, event_aliases, signal = \"quiet\", do_not_track, trusted_types, site.theme, site.texts"),
        "{all}"
    );
}

#[test]
fn check_refuses_a_theme_that_cannot_be_read_with_its_line_ratio_and_mend() {
    let folder = tempfile::tempdir().unwrap();
    let check = |theme: &str| {
        let file = folder.path().join("kruimel.toml");
        std::fs::write(&file, config("", &format!("[site.theme]\n{theme}"))).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_kruimel")).arg("check").arg(&file).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let last = config("", "[site.theme]").lines().filter(|line| !line.is_empty()).count();
    let (code, said) = check("text = \"#999\"");
    assert_eq!(code, Some(1));
    let line = config("", "[site.theme]\ntext").lines().position(|line| line == "text").unwrap() + 1;
    assert!(line > last, "the theme comes last");
    assert!(
        said.contains(&format!("kruimel.toml:{line}: site.theme.text: `text` (#999999) stands out only")),
        "{said}"
    );
    assert!(said.contains("4.5 are needed. Mend: Write a darker"), "{said}");
    let (code, said) = check("refuse_color = \"#000\"");
    assert_eq!(code, Some(1));
    assert!(said.contains("Mend: Accept and refuse look alike"), "{said}");
    assert_eq!(check("text = { light = \"#000\", dark = \"#fff\" }").0, Some(0));
}
