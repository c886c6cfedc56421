//! The ledger is verified beside a collector that goes on.

use crate::ledger::{grant, refusal};
use crate::stand::{Stand, tests};
use std::sync::atomic::{AtomicBool, Ordering};

tests![a_look_beside_a_drain_finds_nothing_that_is_merely_on_its_way];

async fn a_look_beside_a_drain_finds_nothing_that_is_merely_on_its_way(stand: Stand) {
    const LOOKS: u32 = 12;
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    ledger.append(refusal()).await.unwrap();
    running.spool.settled().await;
    let stop = AtomicBool::new(false);
    let (spool, store) = (running.spool.clone(), stand.store.clone());
    let decide = async {
        let mut id = 0;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..5 {
                id += 1;
                let (granted, refused) = tokio::join!(ledger.append(grant(id)), ledger.append(refusal()));
                granted.and(refused).unwrap();
            }
            spool.seal().await;
        }
        id
    };
    let look = async {
        let mut grown = 0;
        let mut links = 0;
        for _ in 0..LOOKS {
            let seen = store.verify_ledger(None, &[]).await.unwrap();
            assert_eq!(seen.findings, []);
            grown += u32::from(seen.links > links);
            links = seen.links;
        }
        stop.store(true, Ordering::Relaxed);
        grown
    };
    let (decided, grown) = tokio::join!(decide, look);
    assert!(grown > LOOKS / 2, "the drain went on: {grown}");
    running.spool.settled().await;
    running.end().await;
    let whole = stand.store.verify_ledger(None, &[]).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.rows), (&[][..], 2 * decided + 1));
}
