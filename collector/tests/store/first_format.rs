//! Chains of the first format, which an earlier build wrote: what their time took is missed by nobody, and what they do not
//! tell is said.

use crate::chains::{DAY_MS, days_ago, erasure_of, grant_of, let_time_pass, refusal_of};
use crate::stand::{Stand, now_ms, tests};
use kruimel_collector::ledger::{LedgerRow, Start, commitment, next_link};
use wire::HexId;

tests![
    chains_that_an_earlier_build_wrote_hold_and_lose_what_their_time_took,
    what_the_first_format_does_not_tell_is_no_finding_and_is_said,
];

const SIX_MONTHS: u16 = 183;
const THREE_YEARS: u16 = 1_096;

/// A chain as it was written before links said until when their rows are kept, put into the store. `kept` is for how many
/// days its rows are, but for erasures.
async fn write_first_format(
    stand: &Stand,
    (chain, day, kept): (u64, u16, u16),
    former: &str,
    rows: &[LedgerRow],
) -> String {
    let kind = if rows[0].content().consent_id == "0000000000000000" { "hourly" } else { "timed" };
    let start = Start { chain, collector: 5, site: "demo", kind, day, expires: 0, former, former_expires: 0 };
    let mut link = start.hash_of_first_format();
    for (row, seq) in rows.iter().zip(1..) {
        let (content, salt) = (row.content(), format!("{seq:032}"));
        let commitment = commitment(&salt, &content);
        link = next_link(&link, chain, seq, &commitment, 0);
        let id = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let expires = day + if content.action == "erase" { 400 } else { kept };
        let names =
            |names: &[String]| names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
        stand
            .execute(&format!(
                "INSERT INTO consents (site_id, ts, action, consent_id, granted, denied, revision, text_hash, \
                 language, surface, withdraws, expires, chain, chain_seq, salt) VALUES ('demo', {}, '{}', {}, [{}], \
                 [{}], {}, '{}', '{}', '{}', {}, {expires}, {chain}, {seq}, '{salt}')",
                content.ts,
                content.action,
                id(&content.consent_id),
                names(content.granted),
                names(content.denied),
                content.revision,
                content.text_hash,
                content.language,
                content.surface,
                id(&content.withdraws),
            ))
            .await;
        let named = if seq == 1 { former } else { "" };
        stand
            .execute(&format!(
                "INSERT INTO ledger_chain (site_id, day, kind, collector, chain, seq, former, commitment, link, expires) \
                 VALUES ('demo', {day}, '{kind}', 5, {chain}, {seq}, '{named}', '{commitment}', '{link}', {expires} + 31)"
            ))
            .await;
    }
    link
}

async fn chains_that_an_earlier_build_wrote_hold_and_lose_what_their_time_took(stand: Stand) {
    stand.store.migrate().await.unwrap();
    let today = u16::try_from(now_ms() / DAY_MS).unwrap();
    for age in [20, 433, 1_130] {
        let (mut hourly, mut timed) = (String::new(), String::new());
        for day in 0..3 {
            let (at_ms, of) = (days_ago(age - day), today - u16::try_from(age - day).unwrap());
            let rows =
                [refusal_of(36, at_ms), erasure_of(9, at_ms), refusal_of(36, at_ms), erasure_of(8, at_ms)];
            let chain = 10 + day as u64;
            hourly = write_first_format(&stand, (chain, of, THREE_YEARS), &hourly, &rows).await;
            let rows = [grant_of(36, 1, at_ms), grant_of(36, 2, at_ms), grant_of(36, 3, at_ms)];
            timed = write_first_format(&stand, (chain + 10, of, THREE_YEARS), &timed, &rows).await;
        }
        let_time_pass(&stand).await;
        let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
        assert_eq!(whole.findings, [], "after {age} days");
        // What no time explains is missed as before.
        stand.execute("ALTER TABLE ledger_chain DELETE WHERE seq = 2").await;
        let of_hours = u64::from(age < 431);
        let found = stand.store.verify_ledger(None, &[]).await.unwrap();
        let links =
            found.findings.iter().filter(|one| one.what.starts_with("The link does not follow")).count();
        assert_eq!(links as u64, if age < 1_127 { 3 + 3 * of_hours } else { 0 }, "{:?}", found.findings);
        for table in ["consents", "ledger_chain"] {
            stand.execute(&format!("TRUNCATE TABLE {table}")).await;
        }
    }
}

async fn what_the_first_format_does_not_tell_is_no_finding_and_is_said(stand: Stand) {
    stand.store.migrate().await.unwrap();
    let today = u16::try_from(now_ms() / DAY_MS).unwrap();
    let refused = |age| refusal_of(36, days_ago(age));
    let erased = |age| erasure_of(9, days_ago(age));
    let unproven = async || {
        let found = stand.store.verify_ledger(None, &[]).await.unwrap();
        let mut unproven: Vec<String> = found.unproven.into_iter().map(|one| one.chain).collect();
        unproven.sort_unstable();
        (found.findings.len(), unproven)
    };
    let id = |chain: u64| HexId(chain).to_string();
    // Refusals of six months have gone, and every other chain with them; the erasures beside them are kept for longer, and
    // newer chains are kept for three years.
    let mut link = String::new();
    for (chain, age) in [(1, 222), (2, 221), (3, 220)] {
        let rows = match chain {
            1 => vec![refused(age), erased(age), refused(age), erased(age), refused(age)],
            _ => vec![erased(age), refused(age)],
        };
        link = write_first_format(&stand, (chain, today - age as u16, SIX_MONTHS), &link, &rows).await;
    }
    let grants = [1, 2, 3].map(|id| grant_of(36, id, days_ago(219)));
    write_first_format(&stand, (5, today - 219, THREE_YEARS), "", &grants).await;
    let_time_pass(&stand).await;
    assert_eq!(stand.number("SELECT count() FROM ledger_chain WHERE kind = 'hourly'").await, 4);
    // What is missing of the first and before it; before the second, whose own first link is there, and before the third.
    assert_eq!(unproven().await, (0, vec![id(1), id(2), id(3)]));
    // Heads of that time, when the refusals that followed had not gone.
    let mut heads = stand.store.ledger_heads(None, None).await.unwrap();
    heads.iter_mut().filter(|head| head.kind == "hourly").for_each(|head| head.links += 1);
    let held = stand.store.verify_ledger(None, &heads).await.unwrap();
    assert_eq!((held.findings, held.heads, held.unproven.len()), (vec![], 1, 3));

    // Between links that are kept for longer nothing ended.
    let take_out = async |chain: u64, seq: u32| {
        stand
            .execute(&format!("ALTER TABLE ledger_chain DELETE WHERE chain = {chain} AND seq = {seq}"))
            .await;
        stand
            .execute(&format!("ALTER TABLE consents DELETE WHERE chain = {chain} AND chain_seq = {seq}"))
            .await;
    };
    take_out(5, 2).await;
    assert_eq!(unproven().await.0, 1);
    // The first ones could have been kept for less long, as far as this format says.
    take_out(5, 1).await;
    assert_eq!(unproven().await, (0, vec![id(1), id(2), id(3), id(5)]));
    // But not for less than two months.
    let grants = [1, 2, 3].map(|id| grant_of(36, id, days_ago(57)));
    write_first_format(&stand, (6, today - 57, THREE_YEARS), "", &grants).await;
    take_out(6, 1).await;
    assert_eq!(unproven().await.0, 1);
}
