use super::*;
use crate::config::Config;
use crate::ledger::chain::{LINKS, Start, next_link};
use crate::spool::{SpoolOptions, StoredRecord};

fn site() -> crate::config::Site {
    let local = |port| ([127, 0, 0, 1], port).into();
    Config::demo("data".into(), local(0), local(1)).sites.remove(0)
}

fn refusal(now_ms: i64) -> LedgerRow {
    LedgerRow::refusal(&site(), 1, "0123456789abcdef", now_ms, false)
}

fn erasure(id: u64, now_ms: i64) -> LedgerRow {
    LedgerRow::erasure("demo", HexId(id), now_ms)
}

fn open(folder: &Path) -> (Ledger, Spool, Withdrawn) {
    let (spool, recovered) = Spool::open(&folder.join("spool"), SpoolOptions::default()).unwrap();
    let withdrawn = Withdrawn::open(&folder.join("spool"), &recovered.withdrawn).unwrap();
    (Ledger::open(&folder.join("ledger"), spool.clone(), withdrawn.clone()).unwrap(), spool, withdrawn)
}

/// A link of a sealed record.
struct Found {
    chain: u64,
    seq: u32,
    former: String,
    commitment: String,
    link: String,
    expires: u16,
    row_expires: u16,
    former_expires: u16,
}

async fn links(spool: &Spool) -> Vec<Found> {
    spool.seal().await;
    let segment = spool.oldest_now().expect("something was appended");
    let of = |record: &StoredRecord<'_>| {
        let rows = record.rows().skip(1).step_by(2).map(|row| Found::of(&row.whole()));
        rows.collect::<Vec<_>>()
    };
    let (_, found) = spool.read(&segment, |records| records.iter().flat_map(of).collect()).unwrap();
    found
}

impl Found {
    fn of(row: &[u8]) -> Found {
        let text = |name: &str| String::from_utf8(LINKS.field(row, name).unwrap().to_vec()).unwrap();
        let day = |name: &str| u16::from_le_bytes(LINKS.field(row, name).unwrap().try_into().unwrap());
        Found {
            chain: u64::from_le_bytes(LINKS.field(row, "chain").unwrap().try_into().unwrap()),
            seq: u32::from_le_bytes(LINKS.field(row, "seq").unwrap().try_into().unwrap()),
            former: text("former"),
            commitment: text("commitment"),
            link: text("link"),
            expires: day("expires"),
            row_expires: day("row_expires"),
            former_expires: day("former_expires"),
        }
    }
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
            let row = if number % 50 == 49 { erasure(number + 1, NOW_MS) } else { refusal(NOW_MS) };
            tokio::spawn(async move { ledger.append(row).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    assert!(withdrawn.is_dead(50));
    let links = links(&spool).await;
    assert_eq!(links.iter().map(|link| link.seq).collect::<Vec<_>>(), (1..=500).collect::<Vec<_>>());
    let (chain, expires) = (links[0].chain, links[0].expires);
    let (collector, site, kind) = (ledger.collector(), "demo", "hourly");
    let start = Start { chain, collector, site, kind, day: 20_000, expires, former: "", former_expires: 0 };
    let mut previous = start.hash();
    for one in links {
        let next = next_link(&previous, chain, one.seq, &one.commitment, one.row_expires);
        assert_eq!((one.chain, &one.link, one.expires), (chain, &next, expires));
        assert!(one.row_expires + 31 <= expires, "no link ends before its row");
        previous = one.link;
    }
}

#[tokio::test]
async fn a_further_day_and_a_restart_begin_a_chain_that_names_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, spool, _) = open(folder.path());
    ledger.append(refusal(NOW_MS)).await.unwrap();
    ledger.append(refusal(NOW_MS + DAY_MS)).await.unwrap();
    let first = links(&spool).await;
    assert_ne!(first[0].chain, first[1].chain);
    assert_eq!((first[1].seq, &first[1].former), (1, &first[0].link));
    assert_eq!(first[1].former_expires, first[0].expires);
    let collector = ledger.collector();
    drop((ledger, spool));

    let (ledger, spool, _) = open(folder.path());
    assert_eq!(ledger.collector(), collector);
    let segment = spool.oldest_now().unwrap();
    let (contents, ()) = spool.read(&segment, |_| ()).unwrap();
    spool.finish(&segment, &contents).unwrap();
    ledger.append(refusal(NOW_MS + DAY_MS)).await.unwrap();
    let second = links(&spool).await;
    assert_ne!(second[0].chain, first[1].chain);
    assert_eq!((second[0].seq, &second[0].former), (1, &first[1].link));
    assert_eq!(second[0].former_expires, first[1].expires, "also after a restart");
}

#[tokio::test]
async fn an_erasure_that_is_on_disk_alone_is_one_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, spool, withdrawn) = open(folder.path());
    ledger.append(erasure(7, NOW_MS)).await.unwrap();
    drop((ledger, spool, withdrawn));
    let (_ledger, _spool, withdrawn) = open(folder.path());
    assert!(withdrawn.is_dead(7) && withdrawn.is_erased(7));
}

#[tokio::test]
async fn a_head_that_a_loss_of_power_damaged_stops_no_start_and_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, spool, _) = open(folder.path());
    ledger.append(refusal(NOW_MS)).await.unwrap();
    let first = links(&spool).await;
    drop((ledger, spool));
    let heads = folder.path().join("ledger").join(HEADS_FILE);
    let mut bytes = b"\xff\x00\xfe\n".to_vec();
    bytes.extend(fs::read(&heads).unwrap());
    fs::write(&heads, bytes).unwrap();
    let (ledger, spool, _) = open(folder.path());
    let segment = spool.oldest_now().unwrap();
    let (contents, ()) = spool.read(&segment, |_| ()).unwrap();
    spool.finish(&segment, &contents).unwrap();
    ledger.append(refusal(NOW_MS)).await.unwrap();
    assert_eq!(links(&spool).await[0].former, first[0].link);
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
    assert!(other.inner.turn.lock().await.is_empty());
    ledger.append(refusal(NOW_MS)).await.unwrap();
    assert_eq!(links(&spool).await.iter().map(|link| link.seq).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_chain_is_kept_as_long_as_its_longest_row_and_never_shorter_than_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, spool, _) = open(folder.path());
    let kept = |months: u16, now_ms: i64| {
        let mut site = site();
        site.ledger_months = months;
        LedgerRow::refusal(&site, 1, "0123456789abcdef", now_ms, false)
    };
    // Six months are less than an erasure needs; 36 months do not fit into that chain; 6 months again do.
    for row in [kept(6, NOW_MS), erasure(1, NOW_MS), kept(36, NOW_MS), kept(6, NOW_MS), erasure(2, NOW_MS)] {
        ledger.append(row).await.unwrap();
    }
    ledger.append(kept(6, NOW_MS + DAY_MS)).await.unwrap();
    // A clock that was a century ahead for a moment keeps no chain for a century.
    ledger.append(kept(36, NOW_MS + 36_500 * DAY_MS)).await.unwrap();
    ledger.append(kept(36, NOW_MS + DAY_MS)).await.unwrap();
    let links = links(&spool).await;
    let expires: Vec<u16> = links.iter().map(|link| link.expires).collect();
    let (short, long) = (20_000 + 400 + 31, 20_000 + 1_095 + 31);
    assert_eq!(expires[..6], [short, short, long, long, long, long]);
    assert_eq!(expires[7], 20_001 + 120 * 31 + 31);
    assert_eq!(links.iter().map(|link| link.seq).collect::<Vec<_>>(), [1, 2, 1, 2, 3, 1, 1, 1]);
}
