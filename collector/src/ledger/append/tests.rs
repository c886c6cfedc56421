use super::*;
use crate::config::Config;
use crate::spool::SpoolOptions;

fn site() -> crate::config::Site {
    let local = |port| ([127, 0, 0, 1], port).into();
    Config::demo("data".into(), local(0), local(1)).sites.remove(0)
}

fn refusal(now_ms: i64) -> LedgerRow {
    LedgerRow::refusal(&site(), 1, "0123456789abcdef", now_ms, false)
}

fn erasure(id: u64, now_ms: i64) -> LedgerRow {
    LedgerRow::erasure(&site(), HexId(id), now_ms)
}

fn open(folder: &Path) -> (Ledger, Spool, Withdrawn) {
    let (spool, recovered) = Spool::open(&folder.join("spool"), SpoolOptions::default()).unwrap();
    let withdrawn = Withdrawn::open(&folder.join("spool"), &recovered.withdrawn).unwrap();
    (Ledger::open(&folder.join("ledger"), spool.clone(), withdrawn.clone()).unwrap(), spool, withdrawn)
}

/// The links of every sealed record, as (chain, seq, former, commitment, link).
async fn links(spool: &Spool) -> Vec<(u64, u32, String, String, String)> {
    use super::super::chain::LINKS;
    spool.seal().await;
    let mut found = Vec::new();
    let segment = spool.oldest_now().expect("something was appended");
    let contents = spool.read(&segment).unwrap();
    for record in contents.records() {
        for row in record.rows().skip(1).step_by(2).map(|row| row.whole().into_owned()) {
            let row = row.as_slice();
            let text = |name: &str| String::from_utf8(LINKS.field(row, name).unwrap().to_vec()).unwrap();
            let chain = u64::from_le_bytes(LINKS.field(row, "chain").unwrap().try_into().unwrap());
            let seq = u32::from_le_bytes(LINKS.field(row, "seq").unwrap().try_into().unwrap());
            found.push((chain, seq, text("former"), text("commitment"), text("link")));
        }
    }
    found
}

const DAY_MS: i64 = 86_400_000;
const NOW_MS: i64 = 20_000 * DAY_MS;

#[tokio::test]
async fn places_follow_one_another_without_a_gap_however_many_decide_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, spool, withdrawn) = open(folder.path());
    let appends: Vec<_> = (0..500)
        .map(|number| {
            let ledger = ledger.clone();
            let row = if number % 50 == 0 { erasure(number + 1, NOW_MS) } else { refusal(NOW_MS) };
            tokio::spawn(async move { ledger.append(row).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    assert!(withdrawn.is_dead(51));
    let links = links(&spool).await;
    assert_eq!(links.iter().map(|link| link.1).collect::<Vec<_>>(), (1..=500).collect::<Vec<_>>());
    let chain = links[0].0;
    let mut previous = first_link(chain, ledger.collector(), "demo", "hourly", &date(20_000).to_string(), "");
    for (of, seq, _, commitment, link) in links {
        assert_eq!((of, &link), (chain, &next_link(&previous, chain, seq, &commitment)));
        previous = link;
    }
}

#[tokio::test]
async fn a_further_day_and_a_restart_begin_a_chain_that_names_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, spool, _) = open(folder.path());
    ledger.append(refusal(NOW_MS)).await.unwrap();
    ledger.append(refusal(NOW_MS + DAY_MS)).await.unwrap();
    let first = links(&spool).await;
    assert_ne!(first[0].0, first[1].0);
    assert_eq!((first[1].1, &first[1].2), (1, &first[0].4));
    let collector = ledger.collector();
    drop((ledger, spool));

    let (ledger, spool, _) = open(folder.path());
    assert_eq!(ledger.collector(), collector);
    let segment = spool.oldest_now().unwrap();
    let contents = spool.read(&segment).unwrap();
    spool.finish(&segment, &contents).unwrap();
    ledger.append(refusal(NOW_MS + DAY_MS)).await.unwrap();
    let second = links(&spool).await;
    assert_ne!(second[0].0, first[1].0);
    assert_eq!((second[0].1, &second[0].2), (1, &first[1].4));
}

#[tokio::test]
async fn a_decision_that_does_not_fit_the_disk_takes_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, spool, _) = open(folder.path());
    ledger.append(refusal(NOW_MS)).await.unwrap();
    // A spool that is closed to this ledger stands for any failure.
    let options = SpoolOptions { bytes_max: 0, ..SpoolOptions::default() };
    let (full, _) = Spool::open(&folder.path().join("full"), options).unwrap();
    let withdrawn = Withdrawn::open(&folder.path().join("full"), &[]).unwrap();
    let other = Ledger::open(&folder.path().join("other"), full, withdrawn.clone()).unwrap();
    assert_eq!(other.append(erasure(7, NOW_MS)).await, Err(AppendError::Full));
    assert!(!withdrawn.is_dead(7));
    assert!(other.inner.turn.lock().await.0.is_empty());
    ledger.append(refusal(NOW_MS)).await.unwrap();
    assert_eq!(links(&spool).await.iter().map(|link| link.1).collect::<Vec<_>>(), [1, 2]);
}
