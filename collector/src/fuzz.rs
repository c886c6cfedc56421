//! The ways by which bytes of strangers come in, each as one function that takes any bytes and checks what must hold of
//! every answer. `fuzz/` drives them with a coverage-guided fuzzer, and the property test below with random bytes and
//! with damaged good ones, so that they are walked whenever the tests run.
//!
//! Invariant: none of them panics, and what is said of each answer holds.

use crate::config::{Config, KRUIMEL, ListenOptions};
use crate::http::client_ip;
use crate::keys::Keys;
use crate::pipeline::{ANALYTICS, Agents, ClientIp, Credentials, Request, Tables, process};
use crate::receipt::{LiveReceipt, sign_members};
use crate::{spool, store};
use axum::http::{HeaderMap, HeaderValue};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;
use wire::limits::BATCH_EVENTS_MAX;

/// The body of a batch.
pub fn batch(bytes: &[u8]) {
    if let Ok(batch) = crate::pipeline::parse(bytes) {
        assert!((1..=BATCH_EVENTS_MAX).contains(&batch.events().count()));
    }
}

/// The text of a consent cookie: no text that was not signed is a receipt, and one that was signed allows what it says.
pub fn receipt(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(LiveReceipt::check(&text, "demo", 0, keys()).is_err());
    rows_with(&text);
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(Keys::generate)
}

/// How many rows a page view becomes whose consent is this text with our signature, which a fuzzer never finds by itself.
fn rows_with(text: &str) -> usize {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    let local = |port| (Ipv4Addr::LOCALHOST, port).into();
    let config = CONFIG.get_or_init(|| Config::demo("data".into(), local(0), local(1)));
    let key = keys().signing(0);
    let Some(members) = text.strip_suffix('}') else { return 0 };
    let signed = sign_members(&format!("{members},\"key\":\"{}\"", key.id()), key);
    let Ok(live) = LiveReceipt::check(&signed, "demo", 0, keys()) else { return 0 };
    let request = Request {
        body: BATCH.as_bytes(),
        address: ClientIp::new(IpAddr::V4(Ipv4Addr::LOCALHOST)).truncate(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
        credentials: Credentials { consent: Some(&signed), visitor: None },
        now_ms: 0,
        sample: false,
    };
    let (agents, is_dead) = (Agents::default(), |_| false);
    let tables = Tables { sites: &config.sites, keys: keys(), is_dead: &is_dead, geo: None, agents: &agents };
    let rows = process(&request, &tables).map_or(0, |processed| processed.rows.len());
    assert!(live.site() == "demo" && live.key() == key.id());
    assert!(rows == 0 || live.allows(ANALYTICS, KRUIMEL));
    let receipt = live.receipt();
    assert_eq!(
        serde_json::from_str::<wire::Receipt>(&signed).ok().as_ref(),
        Some(&receipt),
        "borrowed and own are one"
    );
    assert_eq!(live.allows(ANALYTICS, KRUIMEL), receipt.allows(ANALYTICS, KRUIMEL));
    rows
}

/// A batch with one page view.
const BATCH: &str = include_str!("../../fuzz/seeds/batch/view.json");

/// A segment of the spool: whatever its bytes, its records lie within it and in order.
pub fn segment(bytes: &[u8]) {
    spool::scan_any(bytes);
}

/// What a record of the spool says, in a segment that is whole: it is read, blanked and made columns of, or is none.
pub fn record(bytes: &[u8]) {
    spool::record_any(bytes);
    spool::scan_any(&spool::segment_of(&[bytes]));
    let records: Vec<_> = spool::StoredRecord::decode(bytes).into_iter().collect();
    store::gather_any(&records);
}

/// What a file of drained batches' ids says in a frame that is whole.
pub fn done(bytes: &[u8]) {
    spool::done_any(bytes);
}

/// The file of withdrawn receipts.
pub fn withdrawn(bytes: &[u8]) {
    crate::withdrawn::read_any(bytes);
}

/// The header in which a proxy names the visitor: a stranger without a proxy is never believed.
pub fn forwarded(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let listen = ListenOptions {
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..ListenOptions::default()
    };
    let headers = HeaderMap::from_iter([(listen.client_ip_header.clone(), value)]);
    let told =
        |peer| client_ip::client_ip(IpAddr::V4(peer), &headers, &listen).address.truncate().to_string();
    assert_eq!(told(Ipv4Addr::new(203, 0, 113, 9)), "203.0.113.0");
    assert!(!told(Ipv4Addr::LOCALHOST).is_empty());
}

/// A config file: it is lawful, or every error has a place and a mend.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(errors) = Config::from_toml(&text, "kruimel.toml", std::iter::empty()) {
        assert!(errors.to_string().lines().all(|line| line.starts_with("kruimel.toml:")), "{errors}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Way = fn(&[u8]);

    /// A receipt that lacks the key and the signature.
    const RECEIPT: &str = include_str!("../../fuzz/seeds/receipt/analytics.json");

    /// Each way with something good, of which a damaged copy goes far in.
    fn ways() -> [(Way, Vec<u8>); 8] {
        [
            (batch, BATCH.into()),
            (receipt, RECEIPT.into()),
            (segment, spool::sample_segment()),
            (record, spool::sample_batch(1, Some(wire::HexId(5)))),
            (done, spool::sample_done()),
            (withdrawn, crate::withdrawn::sample()),
            (forwarded, include_str!("../../fuzz/seeds/forwarded/each.txt").into()),
            (config, include_str!("config/demo.toml").into()),
        ]
    }

    #[test]
    fn what_is_good_is_taken() {
        ways().iter().for_each(|(way, good)| way(good));
        assert_eq!(rows_with(RECEIPT), 1);
        assert_eq!(rows_with(&RECEIPT.replace(",\"analytics\"", "")), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_stranger_do_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            for (way, good) in ways() {
                way(&bytes);
                let mut damaged = good.clone();
                for (place, byte) in &damage {
                    let place = place.index(damaged.len());
                    damaged[place] = *byte;
                }
                way(&damaged);
                way(&damaged[..cut.index(damaged.len())]);
            }
        }
    }
}
