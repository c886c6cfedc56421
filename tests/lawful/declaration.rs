//! The declaration through time: what is material asks again by itself, what is new stays closed meanwhile, and every
//! former version can be read.

use super::revision::{config, open};
use super::{ACCEPT, Visitor};
use crate::browser::Browser;
use crate::http::send;
use crate::stack::{Stack, signal};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;

const TYPO: (&str, &str) = ("Counts campaigns seen", "Counts campagins seen");
const LONGER: (&str, &str) = ("duration = \"90 days\"", "duration = \"12 months\"");

/// A service that joins the category of Leeshoek.
const NEWCOMER: &str = "[[site.service]]\nid = \"telraam\"\ncategory = \"analytics\"\nname = \"Telraam <b>\"\n\
    provider = \"Telraam Inc.\"\nprovider_country = \"US\"\nthird_party = true\npurpose = \"Counts clicks.\"\n\n";
const NEIGHBOUR: &str = "[[site.service]]\nid = \"streetreach\"";

fn with_newcomer() -> String {
    config(NEIGHBOUR, &format!("{NEWCOMER}{NEIGHBOUR}"))
}

/// A visitor who accepted everything under revision 1.
fn accepted() -> (Browser, Stack) {
    let visitor = Visitor { browser: Browser::start(&[]), stack: Arc::new(Stack::start()) };
    visitor.open_undecided("/");
    visitor.decide("section", ACCEPT);
    assert_eq!(visitor.choice().unwrap()["revision"], 1);
    (visitor.browser, Arc::into_inner(visitor.stack).unwrap())
}

fn asked(browser: Browser, stack: Stack) -> Visitor {
    let visitor = Visitor { browser, stack: Arc::new(stack) };
    visitor.await_see("return !!notice && (window.__since = performance.now())");
    visitor
}

/// The page for people, or for programs.
fn page(stack: &Stack, query: &str) -> String {
    let answer = send(stack.public, "GET", &format!("/kruimel/cookies?{query}"), &[], b"");
    assert_eq!(answer.status, 200, "{query}");
    answer.text().to_owned()
}

#[test]
fn l20_a_material_change_asks_again_by_itself_and_a_corrected_typo_does_not() {
    let (browser, stack) = accepted();
    let choice = browser.cookie("kruimel");

    let stack = stack.restart_with_config(&config(TYPO.0, TYPO.1));
    open(&browser, &stack);
    browser.await_script("return window.ran === true");
    let notice = "return document.querySelector('kruimel-banner').shadowRoot.querySelector('section')";
    assert_eq!(browser.run(notice), Value::Null);
    assert_eq!(browser.cookie("kruimel"), choice);

    let stack = stack.restart_with_config(&config(LONGER.0, LONGER.1));
    open(&browser, &stack);
    let visitor = asked(browser, stack);
    let state = visitor.see("return [kruimel.acceptedCategory('analytics'), window.ran ?? null]");
    assert_eq!(state, json!([false, null]));
    visitor.decide("section", ACCEPT);
    assert_eq!(visitor.choice().unwrap()["revision"], 2);
    assert_eq!(visitor.await_see("return window.ran ?? null"), true);

    // A start with the same config leaves it, and so does one that takes something away.
    let Visitor { browser, stack } = visitor;
    let choice = browser.cookie("kruimel");
    let mut stack = Arc::into_inner(stack).unwrap();
    for text in [config(LONGER.0, LONGER.1), config("", "")] {
        stack = stack.restart_with_config(&text);
        open(&browser, &stack);
        browser.await_script("return window.ran === true");
        assert_eq!(browser.cookie("kruimel"), choice);
    }
    browser.close();
}

#[test]
fn l21_a_service_added_to_a_granted_category_stays_closed_until_asked_again() {
    let (browser, stack) = accepted();
    let stack = stack.restart_with_config(&with_newcomer());
    browser.open_page(&stack.page("/kruimel/nothing"));
    browser.run(
        "for (const service of ['leeshoek', 'telraam']) {
             const gated = Object.assign(document.createElement('script'), {type: 'text/plain', text: `window.${service} = 1`});
             Object.assign(gated.dataset, {category: 'analytics', service});
             document.body.append(gated);
         }
         document.head.append(Object.assign(document.createElement('script'), {src: '/kruimel/demo.js'}));",
    );
    browser.await_script("return !!window.kruimel?.getUserPreferences");
    let visitor = asked(browser, stack);
    let state =
        "return [kruimel.acceptedCategory('analytics'), kruimel.acceptedCategory('analytics', 'telraam'),
                         window.telraam ?? null]";
    assert_eq!(visitor.see(state), json!([false, false, null]));
    visitor.decide("section", ACCEPT);
    assert_eq!(visitor.await_see("return window.telraam && window.leeshoek"), 1);
    assert_eq!(visitor.choice().unwrap()["revision"], 2);
    visitor.leave();
}

#[test]
fn every_former_version_can_be_read_whole_and_says_what_changed() {
    let stack = Stack::start_with_config(&config("", ""));
    let stack = stack.restart_with_config(&config(TYPO.0, TYPO.1));
    let stack = stack.restart_with_config(&with_newcomer());

    let now: Value = serde_json::from_str(&page(&stack, "format=json&lang=en")).unwrap();
    assert_eq!((&now["revision"], &now["version"]), (&json!(2), &json!("2")));
    let told: Vec<Value> =
        now["versions"].as_array().unwrap().iter().map(|one| one["changes"].clone()).collect();
    assert_eq!(
        told,
        [
            json!([
                "Added: Telraam <b>: Telraam Inc. (United States) receives data.",
                "Streetreach, sr_seen, Purpose: Counts campaigns seen (before: Counts campagins seen)",
            ]),
            json!(["Streetreach, sr_seen, Purpose: Counts campagins seen (before: Counts campaigns seen)"]),
            json!([]),
        ]
    );
    let asked_again: Vec<&Value> =
        now["versions"].as_array().unwrap().iter().map(|one| &one["asked_again"]).collect();
    assert_eq!(asked_again, [&json!(true), &json!(false), &json!(false)]);
    assert!(now["fields"].as_array().unwrap().contains(&json!("events.city")));

    let former: Value = serde_json::from_str(&page(&stack, "format=json&version=1.1&lang=nl")).unwrap();
    assert_eq!((&former["revision"], &former["version"]), (&json!(1), &json!("1.1")));
    assert_eq!(former["until"], now["versions"][0]["since"]);
    assert_eq!(former["versions"].as_array().unwrap().len(), 2);
    let services = |page: &Value| {
        let categories = page["categories"].as_array().unwrap();
        let services = categories.iter().flat_map(|category| category["services"].as_array().unwrap());
        services.map(|service| service["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(services(&now).len(), services(&former).len() + 1);
    assert!(
        services(&now).contains(&"telraam".to_owned()) && !services(&former).contains(&"telraam".to_owned())
    );

    for (language, heading, asked) in [
        ("en", "Versions of this declaration", "Every visitor was asked again."),
        ("nl", "Versies van deze verklaring", "Elke bezoeker is het opnieuw gevraagd."),
        ("fr", "Versions de cette déclaration", "Chaque visiteur a été interrogé à nouveau."),
        ("de", "Versionen dieser Erklärung", "Alle Besucher wurden erneut gefragt."),
    ] {
        let html = page(&stack, &format!("lang={language}"));
        assert!(html.contains(heading) && html.contains(asked), "{html}");
        assert!(html.contains("Telraam &#60;b&#62;") && !html.contains("Telraam <b>"), "{html}");
        assert!(
            html.contains(&format!("href=\"/kruimel/cookies?lang={language}&#38;version=1.1\"")),
            "{html}"
        );
    }
    let before = page(&stack, "lang=en&version=1.1");
    assert!(before.contains("A former version, in force from ") && before.contains("Counts campagins seen"));
    // What is stored is what was written down, not what this version of Kruimel says of itself.
    let said_today = "Pages opened, their titles, their order";
    assert!(page(&stack, "lang=en").contains(said_today) && !before.contains(said_today));
    for field in former["fields"].as_array().unwrap() {
        let field = field.as_str().unwrap();
        assert!(before.contains(&format!("<code>{field}</code>")), "{field}");
    }
    assert!(!before.contains("Telraam") && before.contains("cookies?lang=nl&#38;version=1.1"));
    let unknown = send(stack.public, "GET", "/kruimel/cookies?version=%3Cb%3E", &[], b"");
    assert_eq!((unknown.status, unknown.text().contains("<b>")), (404, false));
}

#[test]
fn a_start_that_fails_leaves_what_is_declared_as_it_was() {
    let mut stack = Stack::start_with_config(&config("", ""));
    stack.stop();
    let history = stack.data().join("declarations").join("demo.jsonl");
    let written = std::fs::read(&history).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let public = format!("public = \"{}\"", taken.local_addr().unwrap());
    let file = stack.data().parent().unwrap().join("kruimel.toml");
    std::fs::write(&file, with_newcomer().replace("public = \"127.0.0.1:0\"", &public)).unwrap();
    let serve =
        Command::new(env!("CARGO_BIN_EXE_kruimel")).args(["serve", "--config"]).arg(&file).output().unwrap();
    let said = String::from_utf8(serve.stderr).unwrap();
    assert!(!serve.status.success() && said.contains("in use"), "{said}");
    assert_eq!(std::fs::read(&history).unwrap(), written);
}

#[test]
fn a_history_that_another_process_keeps_holds_up_no_stop_for_ever() {
    let mut stack = Stack::start_with_config(&config("", ""));
    let history = std::fs::File::open(stack.data().join("declarations/demo.jsonl")).unwrap();
    history.lock().unwrap();
    std::fs::write(stack.data().parent().unwrap().join("kruimel.toml"), with_newcomer()).unwrap();
    signal(stack.process_id(), "HUP");
    stack.await_that("the reload gives up", || {
        stack.log().contains("demo.jsonl is held by another collector")
    });
    assert!(stack.stop().success(), "{}", stack.log());
}

#[test]
fn check_says_whether_the_next_start_asks_again_and_why() {
    let mut stack = Stack::start_with_config(&config("", ""));
    stack.stop();
    let file = stack.data().parent().unwrap().join("kruimel.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_kruimel")).arg("check").arg(&file).output().unwrap();
        (
            done.status.success(),
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    };
    let history = stack.data().join("declarations").join("demo.jsonl");
    let written = std::fs::read(&history).unwrap();

    let (passed, same, _) = check(&config("", ""));
    assert!(passed && same.contains("leaves its revision 1, and nobody is asked again"), "{same}");
    let (_, typo, _) = check(&config(TYPO.0, TYPO.1));
    assert!(typo.contains("leaves its revision 1, and nobody is asked again"), "{typo}");
    let line =
        "    Streetreach, sr_seen, purpose: \"Counts campagins seen\"; before: \"Counts campaigns seen\"\n";
    assert!(typo.contains(&format!("different and not material:\n{line}")), "{typo}");
    let (_, newcomer, _) = check(&with_newcomer());
    assert!(
        newcomer.contains("raises its revision from 1 to 2, and every visitor is asked again"),
        "{newcomer}"
    );
    let line = "    added: Telraam <b>: Telraam Inc. (US), third party\n";
    assert!(newcomer.contains(&format!("because of what is material:\n{line}")), "{newcomer}");
    assert_eq!(std::fs::read(&history).unwrap(), written);

    let damaged = [&written[..], b"nonsense\n"].concat();
    std::fs::write(&history, damaged).unwrap();
    let (passed, _, wrong) = check(&config("", ""));
    assert!(
        !passed && wrong.contains("demo.jsonl, line 2: ") && wrong.contains("Restore the file"),
        "{wrong}"
    );
    let serve =
        Command::new(env!("CARGO_BIN_EXE_kruimel")).args(["serve", "--config"]).arg(&file).output().unwrap();
    let said = String::from_utf8(serve.stderr).unwrap();
    assert!(!serve.status.success() && said.contains("demo.jsonl, line 2: "), "{said}");
}
