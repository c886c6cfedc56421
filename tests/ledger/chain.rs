//! Tampering shows; what the law deletes does not break the chain.

use super::{ALL, ledger, said, verified};
use crate::stack::Stack;
use collector::config::Config;
use collector::ledger::{Ledger, LedgerRow};
use collector::spool::{Spool, SpoolOptions};
use collector::withdrawn::Withdrawn;

/// A server with some decisions of both kinds in its store.
fn decided() -> Stack {
    let stack = Stack::start();
    for _ in 0..3 {
        assert_eq!(stack.decide("refuse", &[], "").status, 200);
        assert_eq!(stack.decide("accept", &ALL, "").status, 200);
    }
    stack.await_drained();
    stack.await_count("SELECT count() FROM ledger_chain", 6);
    stack
}

#[test]
fn what_is_not_there_is_not_called_whole() {
    let stack = Stack::start();
    assert!(said(&ledger(&stack, &["verify"])).ends_with("There is no chain that could be verified.\n"));
    assert!(said(&ledger(&stack, &["verify", "--site", "demo"])).ends_with("could be verified.\n"));
    let unknown = ledger(&stack, &["verify", "--site", "dmeo"]);
    let told = String::from_utf8_lossy(&unknown.stderr);
    assert!(!unknown.status.success() && told.contains("neither the config nor the ledger"), "{told}");
}

#[test]
fn a_row_that_was_changed_removed_added_or_moved_shows_and_a_whole_ledger_is_whole() {
    let stack = decided();
    let (code, told) = verified(&stack, &[]);
    assert_eq!((code, &told["findings"]), (Some(0), &serde_json::json!([])), "{told}");
    assert_eq!((&told["chains"], &told["links"], &told["rows"]), (&2.into(), &6.into(), &6.into()));
    assert!(said(&ledger(&stack, &["verify"])).ends_with("The ledger is whole.\n"));

    let finds = |what: &str, expected: &[&str]| {
        let (code, told) = verified(&stack, &[]);
        let mut found: Vec<String> = told["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["what"].as_str().unwrap().to_owned())
            .collect();
        found.sort();
        assert_eq!(
            (code, found),
            (Some(1), expected.iter().map(|one| (*one).to_owned()).collect()),
            "{what}"
        );
    };
    stack.execute("ALTER TABLE consents UPDATE granted = ['necessary', 'analytics'] WHERE action = 'accept' AND chain_seq = 2");
    finds("a changed row", &["The row was changed."]);
    stack.execute("ALTER TABLE consents DELETE WHERE action = 'accept' AND chain_seq = 2");
    finds("a removed row", &["The row was removed before its time."]);
    // One of which it is noted that its collector has it is told as that.
    let noted = "INSERT INTO ledger_aside (site_id, day, chain, seq, noted, expires, link) \
                 SELECT site_id, day, chain, seq, today(), expires, link FROM ledger_chain \
                 WHERE kind = 'timed' AND seq = 2";
    stack.execute(noted);
    let told = said(&ledger(&stack, &["verify"]));
    assert!(
        told.contains("1 rows are on their collector's disk") && told.contains("Note: The store lacks"),
        "{told}"
    );
    assert!(told.ends_with("Nothing was changed or taken out, as far as can be known.\n"), "{told}");
    stack.execute("ALTER TABLE ledger_aside DELETE WHERE 1");
    stack.execute(
        "INSERT INTO consents SELECT * REPLACE (4 AS chain_seq) FROM (SELECT * FROM consents WHERE action = 'accept' AND chain_seq = 3)",
    );
    finds("an added row", &["The row was added: no link is of it.", "The row was removed before its time."]);
    stack.execute("ALTER TABLE consents DELETE WHERE chain_seq = 4");
    // Taking out the link too breaks what follows.
    stack.execute("ALTER TABLE ledger_chain DELETE WHERE kind = 'timed' AND seq = 2");
    finds(
        "a removed link",
        &[
            "The link does not follow from the one before: one of them was changed, or one between them is missing.",
        ],
    );
}

#[test]
fn heads_that_were_kept_elsewhere_show_what_a_chain_computed_anew_hides() {
    let stack = decided();
    let heads = said(&ledger(&stack, &["heads", "--site", "demo"]));
    assert_eq!(heads.lines().count(), 2);
    let file = stack.data().join("heads.jsonl");
    std::fs::write(&file, &heads).unwrap();
    let file = file.to_str().unwrap();
    let (code, told) = verified(&stack, &["--heads", file]);
    assert_eq!((code, &told["heads"]), (Some(0), &2.into()), "{told}");

    // The chain goes on over a restart, and the heads still hold.
    let stack = stack.kill_and_restart();
    assert_eq!(stack.decide("accept", &ALL, "").status, 200);
    stack.await_count("SELECT count() FROM ledger_chain", 7);
    stack.await_drained();
    let (code, told) = verified(&stack, &["--heads", file]);
    assert_eq!((code, &told["notes"]), (Some(0), &serde_json::json!([])), "{told}");
    assert_eq!(said(&ledger(&stack, &["heads"])).lines().count(), 3);

    // The last decision of a chain is taken out with its link: without heads nothing would be missed of the refusals.
    for table in [
        "consents WHERE action = 'refuse' AND chain_seq = 3",
        "ledger_chain WHERE kind = 'hourly' AND seq = 3",
    ] {
        stack.execute(&format!("ALTER TABLE {}", table.replace(" WHERE", " DELETE WHERE")));
    }
    assert_eq!(verified(&stack, &[]).0, Some(0));
    let (code, told) = verified(&stack, &["--heads", file]);
    assert_eq!(code, Some(1));
    assert_eq!(told["findings"][0]["what"], "The chain is shorter than when its head was kept.");
    // A chain that a further one names cannot go unseen at all.
    stack.execute("ALTER TABLE ledger_chain DELETE WHERE kind = 'timed' AND seq = 3");
    stack.execute("ALTER TABLE consents DELETE WHERE action = 'accept' AND chain_seq = 3");
    let (code, told) = verified(&stack, &[]);
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(told["findings"][0]["what"], "The chain before this one, or its end, is missing.");
}

#[test]
fn l32_records_end_with_their_retention_and_the_chain_holds_without_them() {
    let mut stack = decided();
    // As long as the site says, which is 36 months; the links of a chain stay 31 days longer.
    let kept = "SELECT countIf(expires != addMonths(toDate(ts, 'UTC'), 36)) FROM consents";
    assert_eq!(stack.count(kept), 0, "{:?}", stack.texts("SELECT toString(expires) FROM consents"));
    let longer =
        "SELECT countIf(expires != addMonths(day, 36) + 31 OR row_expires + 31 != expires) FROM ledger_chain";
    assert_eq!(stack.count(longer), 0);

    // Decisions of 36 months and ten days ago waited on disk.
    assert!(stack.stop().success());
    append_long_ago(&stack.data(), 36 * 30 + 16 + 10);
    let stack = stack.kill_and_restart();
    stack.await_count("SELECT count() FROM ledger_chain", 8);
    stack.await_drained();
    stack.execute("OPTIMIZE TABLE consents FINAL");
    stack.await_count("SELECT count() FROM consents", 6);
    let (code, told) = verified(&stack, &[]);
    assert_eq!((code, &told["expired"], &told["rows"]), (Some(0), &2.into(), &6.into()), "{told}");
    // A day that is set earlier lets nothing go before its time.
    stack.execute("ALTER TABLE consents DELETE WHERE action = 'accept' AND chain_seq = 2");
    stack.execute("ALTER TABLE ledger_chain UPDATE row_expires = today(), expires = today() + 1 WHERE 1");
    assert_eq!(verified(&stack, &[]).0, Some(1));
}

fn append_long_ago(data: &std::path::Path, days: i64) {
    let at_ms = collector::now_ms() - days * 86_400_000;
    let local = |port| ([127, 0, 0, 1], port).into();
    let site = Config::demo(data.to_owned(), local(0), local(1)).sites.remove(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (spool, _) = Spool::open(&data.join("spool"), SpoolOptions::default()).unwrap();
        let withdrawn = Withdrawn::open(&data.join("spool"), &[]).unwrap();
        let ledger = Ledger::open(&data.join("ledger"), spool, withdrawn).unwrap();
        for _ in 0..2 {
            ledger.append(LedgerRow::refusal(&site, 1, "", at_ms, false)).await.unwrap();
        }
    });
}
