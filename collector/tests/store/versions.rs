//! Segments that an earlier version of Kruimel wrote.

use crate::stand::{Stand, event, tests};
use kruimel_collector::spool::Appended;
use std::fs;

tests![
    a_segment_of_the_first_format_comes_to_the_store_column_for_column,
    a_segment_of_the_second_format_does_too,
];

/// Written by the last version whose spool had format 1 (November 2026), from two batches that its pipeline took and three
/// events that it refused, with a clock in the year 2100, so that no row of it expires.
const FIRST: (u64, &[u8]) =
    (0x4e51_ffa8_082f_3bb9, include_bytes!("format_1/0000000000000001-4e51ffa8082f3bb9.sealed"));
/// The same rows as the last version whose spool had format 2 wrote them (November 2026).
const SECOND: (u64, &[u8]) =
    (0x2c07_91e4_d35b_6af8, include_bytes!("format_2/0000000000000001-2c0791e4d35b6af8.sealed"));
const BATCHES: [u128; 2] =
    [0x0198_f2c4_9d1b_7c3e_8a55_0123_4567_89ab, 0x0198_f2c4_9d1b_7c3e_8a55_0123_4567_89ac];

async fn a_segment_of_the_first_format_comes_to_the_store_column_for_column(stand: Stand) {
    check(stand, 1, FIRST).await;
}

async fn a_segment_of_the_second_format_does_too(stand: Stand) {
    check(stand, 2, SECOND).await;
}

async fn check(stand: Stand, version: u32, (id, bytes): (u64, &[u8])) {
    assert_eq!(bytes[8..12], version.to_le_bytes());
    fs::write(stand.folder.path().join(format!("0000000000000001-{id:016x}.sealed")), bytes).unwrap();
    let mut running = stand.open();
    assert_eq!((running.recovered.records, running.recovered.damaged_bytes), (3, 0));
    for batch in BATCHES {
        assert_eq!(running.spool.append(event(batch, 7, "/again")).await, Ok(Appended::Repeated));
    }
    running.drain(&[]);
    running.spool.settled().await;
    assert_eq!((running.spool.depth().segments, running.spool.depth().quarantined), (0, 0));
    running.end().await;

    let rows: Vec<String> = stand
        .client
        .query("SELECT toString(tuple(* EXCEPT segment_id)) FROM events ORDER BY path, seq")
        .fetch_all()
        .await
        .unwrap();
    let (view, engagement) = (
        ["2099-12-31 23:59:58.800", "2102-01-31", "2100-01-30"],
        ["2100-01-01 00:00:00.000", "2102-02-01", "2100-01-31"],
    );
    let expected = ["/news/café", "/news/night-ferry"].map(|path| {
        [row(path, "view", 1, [0, 0], view), row(path, "engagement", 2, [1000, 900], engagement)]
    });
    assert_eq!(rows, expected.concat());
    let of_the_segment = format!("SELECT count() FROM events WHERE segment_id = {id}");
    assert_eq!(stand.number(&of_the_segment).await, 4);
    let refused = "SELECT sum(count) FROM rejections WHERE site_id = 'demo' AND reason = 'no_receipt' AND hour = '2100-01-01'";
    assert_eq!(stand.number(refused).await, 3);
}

/// A row as the store tells it: its own columns, and those that all rows of the two batches share.
fn row(
    path: &str,
    kind: &str,
    seq: u32,
    [visible_ms, engaged_ms]: [u32; 2],
    [ts, expires, ip_expires]: [&str; 3],
) -> String {
    format!(
        "('demo','{ts}','{kind}',241,187,170,{seq},'localhost','{path}','The night ferry is back','Google','Search',\
         'www.google.be','/search','','','ferry','','','BE','','','time_zone','Chrome','140','Linux','desktop','nl-BE',\
         1280,{visible_ms},{engaged_ms},'::ffff:198.51.100.0',192,0,'{expires}','{ip_expires}')"
    )
}
