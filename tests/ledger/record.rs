//! What a decision leaves in the ledger, and that it can be replayed.

use super::own::page;
use super::{ALL, ledger, rows, said};
use crate::http::send;
use crate::stack::{Stack, signal};
use serde_json::{Value, json};
use std::fs;

#[test]
fn l29_every_decision_is_recorded_with_what_was_shown_and_a_refusal_with_the_hour_alone() {
    let stack = Stack::start();
    assert_eq!(stack.decide("refuse", &[], "").status, 200);
    let granted = stack.decide("save", &["analytics"], "");
    assert_eq!(stack.decide("withdraw", &[], &granted.cookies()).status, 200);
    stack.await_count("SELECT count() FROM consents", 3);
    stack.await_count("SELECT count() FROM ledger_chain", 3);
    let rows = rows(&stack);
    let of = |action: &str| rows.iter().find(|row| row["action"] == action).unwrap();

    let (grant, withdrawal) = (of("save"), of("withdraw"));
    assert_eq!(grant["granted"], json!(["necessary", "analytics"]));
    assert_eq!(grant["denied"], json!(["functional", "advertising"]));
    for row in [grant, withdrawal] {
        assert_eq!(
            (&row["language"], &row["surface"], &row["domain"], &row["revision"]),
            (&json!("en"), &json!("notice"), &json!("localhost"), &json!(1)),
            "{row}"
        );
        assert_eq!(row["banner_hash"].as_str().unwrap().len(), 64, "{row}");
        assert_eq!(row["declaration_hash"].as_str().unwrap().len(), 16, "{row}");
        assert_eq!(row["text_hash"], json!(stack.text_hash()));
    }

    let refusal = of("refuse");
    assert!(refusal["ts"].as_str().unwrap().ends_with(":00:00"), "{refusal}");
    for empty in ["language", "surface", "domain", "banner_hash", "declaration_hash"] {
        assert_eq!(refusal[empty], "", "{empty}");
    }
    // In one chain with rows that keep the second, its place would tell the second too.
    assert_ne!(refusal["chain"], grant["chain"]);
    assert_eq!(grant["chain"], withdrawal["chain"]);
    for row in stack.texts("SELECT formatRow('JSONEachRow', *) FROM ledger_chain") {
        assert!(!row.contains("127.0.0") && !row.contains("Mozilla"), "{row}");
    }
}

#[test]
fn l30_a_decision_is_replayed_with_the_exact_texts_declaration_and_build_under_their_hashes() {
    let stack = Stack::start();
    let granted = stack.decide("accept", &ALL, "");
    assert_eq!(stack.decide("refuse", &[], "").status, 200);
    stack.await_count("SELECT count() FROM consents", 2);
    // Banner and page in four languages, and the declaration.
    stack.await_count("SELECT uniqExact(hash) FROM ledger_artefacts", 9);

    let id = granted.json()["consentId"].as_str().unwrap().to_owned();
    let shown: Value = serde_json::from_str(&said(&ledger(&stack, &["show", &id]))).unwrap();
    assert_eq!(shown["rows"].as_array().unwrap().len(), 1);
    let banner = &shown["artefacts"][shown["rows"][0]["banner_hash"].as_str().unwrap()];

    // What a browser was served, byte for byte.
    let get = |path: &str| send(stack.public, "GET", path, &[], b"");
    let loader = get("/kruimel/demo.js").text().to_owned();
    let name = loader.split("\"text\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(banner["shown"], get(&format!("/kruimel/a/text.{name}.json?en")).json());
    assert_eq!(banner["shown"]["hash"], shown["rows"][0]["text_hash"]);
    let script = loader.split("\"banner\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(banner["build"]["files"][0], format!("banner.{script}.js"));
    assert_eq!(banner["build"]["loader"].as_str().unwrap().len(), 64);

    let declaration_hash = &shown["rows"][0]["declaration_hash"];
    let artefacts = shown["artefacts"].as_object().unwrap();
    let declaration = artefacts.values().find(|one| one["kind"] == "declaration").unwrap();
    assert_eq!(&declaration["declaration_hash"], declaration_hash);
    assert_eq!(declaration["shown"]["declaration"]["controller"], banner["shown"]["controller"]);

    // A refusal names the text alone, and that leads to what was shown too.
    let today = stack.texts("SELECT toString(toDate(now('UTC')))").remove(0);
    let day: Value = serde_json::from_str(&said(&ledger(&stack, &["show", "--day", &today]))).unwrap();
    assert_eq!(day["rows"].as_array().unwrap().len(), 2);
    assert_eq!(day["artefacts"].as_object().unwrap().len(), 2);

    // A changed artefact is not shown as what it was.
    let changed = "INSERT INTO ledger_artefacts SELECT * REPLACE (concat(content, ' ') AS content) FROM ledger_artefacts";
    stack.execute(changed);
    stack.execute("OPTIMIZE TABLE ledger_artefacts FINAL");
    let shown: Value = serde_json::from_str(&said(&ledger(&stack, &["show", &id]))).unwrap();
    let banner = &shown["artefacts"][shown["rows"][0]["banner_hash"].as_str().unwrap()];
    assert!(banner.as_str().unwrap().contains("it was changed"), "{banner}");
}

#[test]
fn l31_a_withdrawal_is_appended_and_the_earlier_rows_stay() {
    let stack = Stack::start();
    let granted = stack.decide("accept", &ALL, "");
    stack.await_count("SELECT count() FROM consents", 1);
    let before = rows(&stack).remove(0);
    assert_eq!(stack.decide("withdraw", &[], &granted.cookies()).status, 200);
    stack.await_drained();
    // What a withdrawal brings about in the store is done before the next decision is.
    assert_eq!(stack.decide("refuse", &[], "").status, 200);
    stack.await_count("SELECT count() FROM consents", 3);
    let after = rows(&stack);
    assert!(after.contains(&before));
    let withdrawal = after.iter().find(|row| row["action"] == "withdraw").unwrap();
    assert_eq!(withdrawal["withdraws"], before["consent_id"]);
}

#[test]
fn decisions_are_counted_by_revision_and_language_and_displays_beside_them_as_what_was_served() {
    let mut stack = Stack::start();
    for path in ["?en", "?nl", "?en"] {
        let loader = send(stack.public, "GET", "/kruimel/demo.js", &[], b"").text().to_owned();
        let name = loader.split("\"text\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(
            send(stack.public, "GET", &format!("/kruimel/a/text.{name}.json{path}"), &[], b"").status,
            200
        );
    }
    let first = stack.decide("accept", &ALL, "").cookies();
    stack.decide("save", &["functional", "analytics"], &first);
    stack.decide("refuse", &[], "");
    stack.decide("refuse", &[], "");
    let other = stack.decide("accept", &ALL, "").cookies();
    stack.decide("withdraw", &[], &other);
    stack.await_count("SELECT count() FROM consents", 6);
    stack.await_count("SELECT uniqExact(hash) FROM ledger_artefacts", 9);
    let counts = send(stack.admin, "GET", "/ledger/counts.json?site=demo", &[], b"").json();
    let expected = json!([{
        "site_id": "demo", "revision": 1, "language": "en",
        "accepted": 2, "refused": 2, "changed": 1, "withdrawn": 1,
    }]);
    assert_eq!(counts["decisions"], expected);
    assert!(counts["displays_note"].as_str().unwrap().contains("no rate of consent"));
    // The counters go to the store every half a minute, and when the server stops.
    assert!(stack.stop().success());
    let stack = stack.kill_and_restart();
    stack.await_drained();
    let told: Value = serde_json::from_str(&said(&ledger(&stack, &["counts", "--json"]))).unwrap();
    // `text_hash` of the test's own decisions asks for the texts too.
    let served = |language: &str| {
        let all = told["displays"].as_array().unwrap();
        all.iter().find(|one| one["language"] == language).unwrap()["served"].as_u64().unwrap()
    };
    assert_eq!((served("nl"), served("en")), (1, 2 + 6));
    assert!(said(&ledger(&stack, &["counts"])).contains("no rate of consent"));
}

#[test]
fn a_decision_on_a_page_that_was_loaded_before_another_declaration_names_the_former_one() {
    let config = |more: &str| {
        let demo = include_str!("../../collector/src/config/demo.toml");
        let listen = "data_dir = \"data\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n";
        demo.replace("[listen]\n", listen).replace("id = \"demo\"\n", &format!("id = \"demo\"\n{more}\n"))
    };
    let stack = Stack::start_with_config(&config(""));
    let before = stack.text_hash();
    let decide = |text: &str| {
        let body = json!({
            "v": 1, "site": "demo", "action": "accept", "categories": ALL, "revision": 1, "text": text,
            "language": "en", "surface": "notice",
        });
        assert_eq!(stack.post("/kruimel/consent", body.to_string().as_bytes(), "").status, 200);
    };
    decide(&before);
    let form = page(&stack, "", "");
    let hidden = |name: &str| {
        let after = form.text().split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    };
    let by_form = hidden("text");
    // Kept for shorter: nobody has to be asked again, and no word of the banner is another.
    fs::write(stack.data().parent().unwrap().join("kruimel.toml"), config("retention_months = 3")).unwrap();
    let loader = send(stack.public, "GET", "/kruimel/demo.js", &[], b"").text().to_owned();
    let name = loader.split("\"text\":\"").nth(1).unwrap().split('"').next().unwrap();
    signal(stack.process_id(), "HUP");
    stack.await_that("the config is read again", || stack.log().contains("is in force"));
    let after = stack.text_hash();
    assert_ne!(before, after);
    // A page that is open, or a loader in a cache, asks for the texts of before.
    let open = send(stack.public, "GET", &format!("/kruimel/a/text.{name}.json?en"), &[], b"");
    assert_eq!((open.status, open.json()["hash"].as_str()), (200, Some(before.as_str())));
    decide(&before);
    decide(&after);
    let origin = stack.origin();
    let headers = [("origin", origin.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let body = format!("token={}&revision=1&text={by_form}&action=accept", hidden("token"));
    let taken = send(stack.public, "POST", "/kruimel/privacy?lang=en", &headers, body.as_bytes());
    assert_eq!(taken.status, 303, "{}", taken.text());
    stack.await_count("SELECT count() FROM consents", 4);
    let of = |text: &str, column: &str| {
        stack.texts(&format!("SELECT DISTINCT toString({column}) FROM consents WHERE text_hash = '{text}'"))
    };
    for column in ["banner_hash", "declaration_hash"] {
        let (first, second) = (of(&before, column), of(&after, column));
        assert_eq!((first.len(), second.len()), (1, 1), "{column}");
        assert_ne!(first, second, "{column}");
    }
    // What is shown from then on is in the store too, and not only with the next day.
    stack
        .await_count(&format!("SELECT uniqExact(hash) FROM ledger_artefacts WHERE text_hash = '{after}'"), 1);
    // So does the page's own form.
    assert_eq!(of(&by_form, "surface"), ["page"]);
    assert_eq!(of(&by_form, "declaration_hash"), of(&before, "declaration_hash"));
    assert_eq!(of(&by_form, "banner_hash").remove(0).len(), 64);
}
