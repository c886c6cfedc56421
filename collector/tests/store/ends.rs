//! Chains that go on from one whose end the store did not take: what a note of it explains, and what it does not.

use crate::chains::{append_all, days_ago, refusal_of};
use crate::stand::{Stand, cut_off, tests};
use crate::verify::{grant_at, no_link, seen, take_out};
use std::fs;
use std::path::PathBuf;

tests![
    a_chain_that_is_taken_out_is_missed_though_the_store_refused_something_of_an_earlier_one,
    a_chain_that_the_store_refused_explains_one_that_is_missing_and_no_second,
    a_chain_that_the_store_refused_explains_none_that_is_missing_days_later,
    links_that_are_taken_out_between_decisions_that_the_store_refused_are_missed,
    the_end_of_a_chain_of_grants_explains_no_chain_of_refusals_that_is_missing,
    a_day_of_which_the_store_took_nothing_is_told_as_kept_aside,
    the_end_of_a_chain_that_the_store_refused_is_known_though_the_clock_was_set_back_by_days,
    a_chain_that_is_taken_out_is_missed_though_the_store_refused_the_end_of_a_later_one_of_its_day,
    two_chains_may_go_on_from_one_end_that_the_store_refused,
    what_follows_decisions_that_the_store_refused_follows_from_them,
    a_note_where_a_link_is_explains_no_chain_that_was_taken_out,
];

const NO_FORMER: &str = "The chain before this one, or its end, is missing.";

async fn a_chain_that_is_taken_out_is_missed_though_the_store_refused_something_of_an_earlier_one(
    stand: Stand,
) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    // Of the first day the row, of the second the link at the end of its chain.
    running.append(cut_off()).await;
    grant_at(&running, &ledger, 1, 6).await;
    grant_at(&running, &ledger, 2, 5).await;
    running.append(no_link()).await;
    grant_at(&running, &ledger, 3, 5).await;
    for (id, days) in [(4, 4), (5, 3), (6, 2)] {
        grant_at(&running, &ledger, id, days).await;
    }
    running.end().await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 2, 1));
    take_out(&stand, "day = today() - 3").await;
    assert_eq!(seen(&stand, &[]).await, (vec![NO_FORMER.to_owned()], 2, 1));
}

async fn a_chain_that_the_store_refused_explains_one_that_is_missing_and_no_second(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    // The first chain of grants is not there, and that of refusals is.
    running.append(no_link()).await;
    grant_at(&running, &ledger, 1, 5).await;
    for days in [5, 4] {
        append_all(&ledger, [refusal_of(36, days_ago(days))]).await;
    }
    running.spool.settled().await;
    for (id, days) in [(2, 4), (3, 3), (4, 2)] {
        grant_at(&running, &ledger, id, days).await;
    }
    running.end().await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 1, 1));
    for taken_out in ["day = today() - 3", "kind = 'hourly' AND day = today() - 5"] {
        for table in ["consents", "ledger_chain"] {
            stand.execute(&format!("CREATE OR REPLACE TABLE whole_{table} AS {table}")).await;
            stand.execute(&format!("INSERT INTO whole_{table} SELECT * FROM {table}")).await;
        }
        take_out(&stand, taken_out).await;
        assert_eq!(seen(&stand, &[]).await, (vec![NO_FORMER.to_owned()], 1, 1), "{taken_out}");
        for table in ["consents", "ledger_chain"] {
            stand.execute(&format!("TRUNCATE TABLE {table}")).await;
            stand.execute(&format!("INSERT INTO {table} SELECT * FROM whole_{table}")).await;
        }
    }
}

async fn a_chain_that_the_store_refused_explains_none_that_is_missing_days_later(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    // The next one lacks its first link, and so names nothing.
    for (id, days) in [(1, 5), (2, 4)] {
        running.append(no_link()).await;
        grant_at(&running, &ledger, id, days).await;
    }
    for (id, days) in [(3, 4), (4, 3), (5, 2)] {
        grant_at(&running, &ledger, id, days).await;
    }
    running.end().await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 2, 0));
    take_out(&stand, "day = today() - 3").await;
    assert_eq!(seen(&stand, &[]).await, (vec![NO_FORMER.to_owned()], 2, 0));
}

async fn links_that_are_taken_out_between_decisions_that_the_store_refused_are_missed(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    for id in 1..=4 {
        if id % 2 == 0 {
            running.append(cut_off()).await;
        }
        grant_at(&running, &ledger, id, 2).await;
    }
    grant_at(&running, &ledger, 5, 1).await;
    running.end().await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 2, 0));
    take_out(&stand, "day = today() - 2 AND seq >= 2").await;
    assert_eq!(seen(&stand, &[]).await, (vec![NO_FORMER.to_owned()], 2, 0));
}

async fn the_end_of_a_chain_of_grants_explains_no_chain_of_refusals_that_is_missing(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    append_all(&ledger, [2, 1].map(|days| refusal_of(36, days_ago(days)))).await;
    grant_at(&running, &ledger, 1, 2).await;
    running.append(no_link()).await;
    grant_at(&running, &ledger, 2, 2).await;
    running.end().await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 1, 0));
    take_out(&stand, "kind = 'hourly' AND day = today() - 2").await;
    assert_eq!(seen(&stand, &[]).await, (vec![NO_FORMER.to_owned()], 1, 0));
}

async fn a_day_of_which_the_store_took_nothing_is_told_as_kept_aside(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    grant_at(&running, &ledger, 1, 3).await;
    running.append(cut_off()).await;
    running.append(no_link()).await;
    grant_at(&running, &ledger, 2, 2).await;
    grant_at(&running, &ledger, 3, 1).await;
    running.end().await;
    assert_eq!(stand.number("SELECT count() FROM consents").await, 2);
    assert_eq!(stand.number("SELECT count() FROM ledger_chain").await, 2);
    assert_eq!(seen(&stand, &[]).await, (vec![], 1, 1));
}

async fn the_end_of_a_chain_that_the_store_refused_is_known_though_the_clock_was_set_back_by_days(
    stand: Stand,
) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    grant_at(&running, &ledger, 1, 9).await;
    running.append(no_link()).await;
    grant_at(&running, &ledger, 2, 1).await;
    grant_at(&running, &ledger, 3, 6).await;
    // Now of a chain that has links, and by one day.
    grant_at(&running, &ledger, 4, 4).await;
    running.append(no_link()).await;
    grant_at(&running, &ledger, 5, 4).await;
    grant_at(&running, &ledger, 6, 5).await;
    running.end().await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 2, 2));
}

async fn a_chain_that_is_taken_out_is_missed_though_the_store_refused_the_end_of_a_later_one_of_its_day(
    stand: Stand,
) {
    for id in 1..=4 {
        let (mut running, ledger) = stand.decide_in(stand.folder.path());
        running.drain(&[]);
        if id == 4 {
            grant_at(&running, &ledger, 3, 1).await;
            running.append(no_link()).await;
        }
        grant_at(&running, &ledger, id, 1).await;
        running.end().await;
    }
    assert_eq!(seen(&stand, &[]).await, (vec![], 1, 0));
    let first = "(SELECT chain FROM ledger_chain WHERE former = '' AND seq = 1)";
    take_out(&stand, &format!("chain IN {first}")).await;
    assert_eq!(seen(&stand, &[]).await, (vec![NO_FORMER.to_owned()], 1, 0));
}

async fn two_chains_may_go_on_from_one_end_that_the_store_refused(stand: Stand) {
    let folder = stand.folder.path();
    let (mut running, ledger) = stand.decide_in(folder);
    running.drain(&[]);
    running.append(no_link()).await;
    grant_at(&running, &ledger, 1, 3).await;
    running.end().await;
    drop(ledger);
    let chains = || {
        let entries = fs::read_dir(folder.join("ledger")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let kept: Vec<(PathBuf, Vec<u8>)> = chains();
    for (id, days) in [(2, 2), (3, 1)] {
        kept.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        let (mut running, ledger) = stand.decide_in(folder);
        running.drain(&[]);
        grant_at(&running, &ledger, id, days).await;
        running.end().await;
    }
    assert_eq!(seen(&stand, &[]).await, (vec![], 1, 2));
}

async fn what_follows_decisions_that_the_store_refused_follows_from_them(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    for id in 1..=3 {
        if id == 2 {
            running.append(no_link()).await;
        }
        grant_at(&running, &ledger, id, 2).await;
    }
    running.end().await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 1, 0));
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!(whole.links, 2);
    // Of another chain, and no longer what the third follows from.
    stand.execute("ALTER TABLE ledger_aside UPDATE link = lower(hex(SHA256(link))) WHERE 1").await;
    let (what, ..) = seen(&stand, &[]).await;
    assert!(what.len() == 1 && what[0].starts_with("The link does not follow"), "{what:?}");
}

async fn a_note_where_a_link_is_explains_no_chain_that_was_taken_out(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    for (id, days) in [(1, 4), (2, 4), (3, 3), (4, 2)] {
        grant_at(&running, &ledger, id, days).await;
    }
    running.end().await;
    let note = "INSERT INTO ledger_aside (site_id, day, chain, seq, noted, expires, link) \
                SELECT site_id, day, chain, seq, today(), expires, \
                    (SELECT link FROM ledger_chain WHERE day = today() - 3) FROM ledger_chain WHERE day = today() - 4 AND seq = 1";
    stand.execute(note).await;
    assert_eq!(seen(&stand, &[]).await, (vec![], 0, 0));
    take_out(&stand, "day = today() - 3").await;
    assert_eq!(seen(&stand, &[]).await, (vec![NO_FORMER.to_owned()], 0, 0));
}
