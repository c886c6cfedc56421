//! The ledger's chains over the years and over a clock that is set: what retention takes is missed by nobody.

use crate::ledger::{request, site};
use crate::stand::{Stand, now_ms, tests};
use kruimel_collector::ledger::{Ledger, LedgerRow};
use kruimel_collector::store::Head;
use wire::HexId;

tests![
    what_retention_takes_out_of_a_chain_is_missed_at_no_time,
    decisions_about_midnight_and_a_clock_that_is_set_back_are_no_findings,
    a_day_that_is_set_earlier_hides_nothing_that_was_taken_out,
];

pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) fn days_ago(days: i64) -> i64 {
    now_ms() - days * DAY_MS
}

pub(crate) fn refusal_of(months: u16, at_ms: i64) -> LedgerRow {
    let mut site = site();
    site.ledger_months = months;
    LedgerRow::refusal(&site, 1, "0123456789abcdef", at_ms, false)
}

pub(crate) fn grant_of(months: u16, id: u64, at_ms: i64) -> LedgerRow {
    let mut site = site();
    site.ledger_months = months;
    LedgerRow::grant(&site, &request(), HexId(id), None, at_ms, false)
}

pub(crate) fn erasure_of(id: u64, at_ms: i64) -> LedgerRow {
    LedgerRow::erasure("demo", HexId(id), at_ms)
}

pub(crate) async fn append_all(ledger: &Ledger, rows: impl IntoIterator<Item = LedgerRow>) {
    for row in rows {
        ledger.append(row).await.unwrap();
    }
}

/// Rows and links whose time is over go, one by one, as the store lets them go.
pub(crate) async fn let_time_pass(stand: &Stand) {
    for table in ["consents", "ledger_chain", "ledger_erased"] {
        stand.execute(&format!("OPTIMIZE TABLE {table} FINAL")).await;
    }
}

/// Three days of decisions, each with a refusal, an erasure and a refusal, and with a change of how long they are kept.
async fn three_days(ledger: &Ledger, begun_ms: i64, months: [u16; 2]) {
    for (day, id) in (0..3).zip(1..) {
        let at_ms = begun_ms + day * DAY_MS;
        let [first, later] = if day == 1 { [months[1], months[0]] } else { months };
        append_all(ledger, [refusal_of(first, at_ms), grant_of(first, 10 + id, at_ms)]).await;
        append_all(ledger, [erasure_of(id, at_ms), refusal_of(first, at_ms)]).await;
        append_all(ledger, [refusal_of(later, at_ms), grant_of(later, 20 + id, at_ms)]).await;
    }
}

async fn what_retention_takes_out_of_a_chain_is_missed_at_no_time(stand: Stand) {
    // The times at which rows, links or the rest of a chain went are between these.
    for (months, ages) in
        [([36, 36], &[402, 433, 1_097, 1_130][..]), ([6, 6], &[190, 215, 433]), ([36, 6], &[215, 433, 1_130])]
    {
        for age in ages {
            let folder = tempfile::tempdir().unwrap();
            let (mut running, ledger) = stand.decide_in(folder.path());
            three_days(&ledger, days_ago(*age), months).await;
            // The collector starts again, and decisions of today follow.
            running.drain(&[]);
            running.spool.settled().await;
            running.end().await;
            drop(ledger);
            let (mut running, ledger) = stand.decide_in(folder.path());
            append_all(&ledger, [refusal_of(months[0], now_ms()), grant_of(months[0], 7, now_ms())]).await;
            running.drain(&[]);
            running.spool.settled().await;
            running.end().await;
            drop(ledger);
            let_time_pass(&stand).await;
            let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
            assert_eq!(whole.findings, [], "{months:?} months, after {age} days");
            for table in ["consents", "ledger_chain", "ledger_erased"] {
                stand.execute(&format!("TRUNCATE TABLE {table}")).await;
            }
        }
    }
}

async fn decisions_about_midnight_and_a_clock_that_is_set_back_are_no_findings(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    for day in [1, 3, 2, 3, 2, 2, 1, 3] {
        let at_ms = days_ago(5 - day);
        append_all(&ledger, [refusal_of(36, at_ms), grant_of(36, 7, at_ms)]).await;
    }
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    drop(ledger);
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.notes.as_slice()), (&[][..], &[][..]));
    assert_eq!((whole.links, whole.rows), (16, 16));

    // A chain that was taken out is missed however the days stand.
    let chain = "SELECT chain FROM ledger_chain WHERE kind = 'timed' \
                 AND link IN (SELECT former FROM ledger_chain) ORDER BY day DESC LIMIT 1";
    let chain: u64 = stand.client.query(chain).fetch_one().await.unwrap();
    for table in ["consents", "ledger_chain"] {
        stand.execute(&format!("ALTER TABLE {table} DELETE WHERE chain = {chain}")).await;
    }
    let found = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!(found.findings.len(), 1, "{:?}", found.findings);
    assert_eq!(found.findings[0].what, "The chain before this one, or its end, is missing.");
}

async fn findings(stand: &Stand, heads: &[Head]) -> Vec<String> {
    let found = stand.store.verify_ledger(None, heads).await.unwrap();
    let mut what: Vec<String> = found.findings.into_iter().map(|one| one.what).collect();
    what.sort_unstable();
    what.dedup();
    what
}

async fn a_day_that_is_set_earlier_hides_nothing_that_was_taken_out(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    for days in [3, 2, 1] {
        for id in 1..=3 {
            append_all(&ledger, [refusal_of(36, days_ago(days)), grant_of(36, id, days_ago(days))]).await;
        }
    }
    running.drain(&[]);
    running.spool.settled().await;
    running.end().await;
    drop(ledger);
    let heads = stand.store.ledger_heads(None, None).await.unwrap();
    let whole = stand.store.verify_ledger(None, &heads).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.heads), (&[][..], 6));
    for table in ["consents", "ledger_chain"] {
        stand.execute(&format!("CREATE TABLE whole_{table} AS {table}")).await;
        stand.execute(&format!("INSERT INTO whole_{table} SELECT * FROM {table}")).await;
    }
    let removed = "The row was removed before its time.";
    let broken = "The link does not follow from the one before: one of them was changed, or one between them is missing.";
    let missing = "The chain before this one, or its end, is missing.";
    let until = "The chain before this one is said to be kept until another day than when this one began.";
    let shortened = "The chain is said to end earlier than when its head was kept.";
    let second = "consents DELETE WHERE consent_id = 2 AND toDate(ts, 'UTC') = today() - 2";
    let of_day = "kind = 'timed' AND day = today() - 2";
    for (changes, expected) in [
        (vec![second.to_owned()], vec![removed]),
        (
            vec![
                second.to_owned(),
                format!("ledger_chain UPDATE row_expires = today() - 1 WHERE {of_day} AND seq = 2"),
            ],
            vec![broken],
        ),
        // The whole chain is said to be over.
        (
            vec![
                second.to_owned(),
                format!(
                    "ledger_chain UPDATE expires = today() + 1, row_expires = today() - 1 WHERE {of_day}"
                ),
            ],
            vec![until, broken],
        ),
        // And its beginning is taken out, so that nothing can be computed.
        (
            vec![
                "consents DELETE WHERE consent_id != 0 AND toDate(ts, 'UTC') = today() - 2".to_owned(),
                format!("ledger_chain DELETE WHERE {of_day} AND seq <= 2"),
                format!(
                    "ledger_chain UPDATE expires = today() + 1, row_expires = today() - 1 WHERE {of_day}"
                ),
            ],
            vec![until],
        ),
        // Everything up to a day, as if its time were over.
        (
            vec![
                "consents DELETE WHERE toDate(ts, 'UTC') <= today() - 2".to_owned(),
                "ledger_chain DELETE WHERE day <= today() - 2".to_owned(),
            ],
            vec![missing],
        ),
    ] {
        for change in &changes {
            stand.execute(&format!("ALTER TABLE {change}")).await;
        }
        assert_eq!(findings(&stand, &[]).await, expected, "{changes:?}");
        for table in ["consents", "ledger_chain"] {
            stand.execute(&format!("TRUNCATE TABLE {table}")).await;
            stand.execute(&format!("INSERT INTO {table} SELECT * FROM whole_{table}")).await;
        }
    }
    // What no later chain names is held by heads that were kept.
    let newest = "kind = 'timed' AND day = today() - 1";
    for change in [
        "consents DELETE WHERE consent_id != 0 AND toDate(ts, 'UTC') = today() - 1".to_owned(),
        format!("ledger_chain DELETE WHERE {newest} AND seq <= 2"),
        format!("ledger_chain UPDATE expires = today() + 1, row_expires = today() - 1 WHERE {newest}"),
    ] {
        stand.execute(&format!("ALTER TABLE {change}")).await;
    }
    assert_eq!(findings(&stand, &[]).await, Vec::<String>::new());
    assert_eq!(findings(&stand, &heads).await, [shortened]);
}
