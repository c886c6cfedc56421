//! Batches through every step: the honest path, and every reason for which one ends.

use super::*;
use crate::config::Config;
use crate::receipt::{sign, timestamp};
use std::collections::BTreeMap;
use wire::Receipt;

const NOW_MS: i64 = 1_790_000_000_000;
const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

struct Bench {
    config: Config,
    keys: Keys,
    dead: Option<HexId>,
    agents: Agents,
}

impl Bench {
    fn new() -> Bench {
        let local = |port| ([127, 0, 0, 1], port).into();
        let config = Config::demo("data".into(), local(0), local(1));
        Bench { config, keys: Keys::generate(), dead: None, agents: Agents::default() }
    }

    fn receipt(&self, categories: &[&str], change: impl FnOnce(&mut Receipt)) -> String {
        let mut receipt = Receipt {
            categories: categories.iter().map(|&name| name.to_owned()).collect(),
            services: BTreeMap::new(),
            revision: self.config.sites[0].revision,
            consent_id: HexId(0xc0),
            consent_timestamp: timestamp(NOW_MS),
            last_consent_timestamp: timestamp(NOW_MS),
            language_code: "en".into(),
            expiration_time: (NOW_MS + 1_000) as u64,
            session: false,
            site: "demo".into(),
            key: String::new(),
        };
        change(&mut receipt);
        sign(receipt, NOW_MS, &self.keys)
    }

    fn process(&self, body: &str, consent: Option<&str>, user_agent: &str) -> Result<Processed, Refused> {
        self.process_of(body, Credentials { consent, visitor: None }, user_agent)
    }

    fn process_of(
        &self,
        body: &str,
        credentials: Credentials<'_>,
        user_agent: &str,
    ) -> Result<Processed, Refused> {
        let request = Request {
            body: body.as_bytes(),
            address: ClientIp::new("198.51.100.77".parse().unwrap()).truncate(),
            user_agent,
            credentials,
            now_ms: NOW_MS,
            sample: false,
        };
        let is_dead = |id| self.dead == Some(id);
        process(
            &request,
            &Tables {
                sites: &self.config.sites,
                keys: &self.keys,
                is_dead: &is_dead,
                geo: None,
                agents: &self.agents,
            },
        )
    }

    fn check(&self, body: &str, consent: Option<&str>, expected: Rejection) {
        assert_eq!(
            self.process(body, consent, CHROME).err().map(|refused| refused.reason),
            Some(expected),
            "{consent:?}"
        );
    }
}

fn body() -> String {
    include_str!("../../../wire/fixtures/batch.json")
        .replace("\"example\"", "\"demo\"")
        .replace("www.example.org", "localhost")
}

fn text<'row>(row: &'row [u8], column: &str) -> &'row str {
    std::str::from_utf8(EVENTS.field(row, column).unwrap()).unwrap()
}

fn number(row: &[u8], column: &str) -> u64 {
    let mut bytes = [0; 8];
    let field = EVENTS.field(row, column).unwrap();
    bytes[..field.len()].copy_from_slice(field);
    u64::from_le_bytes(bytes)
}

fn wholes(processed: &Processed) -> Vec<Vec<u8>> {
    processed.rows.iter().map(|row| row.whole().into_owned()).collect()
}

#[test]
fn an_allowed_batch_becomes_rows_with_a_truncated_address() {
    let bench = Bench::new();
    let receipt = bench.receipt(&["necessary", "analytics"], |_| {});
    let processed = bench.process(&body(), Some(&receipt), CHROME).unwrap();
    assert_eq!((processed.rows.len(), processed.rejected.len()), (2, 0));
    let rows = wholes(&processed);
    let row = &rows[0];
    assert_eq!(text(row, "path"), "/news/night-ferry");
    assert_eq!(text(row, "kind"), "view");
    assert_eq!((text(row, "country"), text(row, "place_from")), ("BE", "time_zone"));
    assert_eq!((text(row, "browser"), text(row, "os"), text(row, "device")), ("Chrome", "Linux", "desktop"));
    assert_eq!((text(row, "source"), text(row, "channel")), ("Google", "Search"));
    assert_eq!(EVENTS.field(row, "ip_truncated").unwrap()[10..], [0xff, 0xff, 198, 51, 100, 0]);
    assert_eq!(number(row, "consent_id"), 0xc0);
    assert_eq!(number(row, "ts"), (NOW_MS - 1_200) as u64);
    assert_eq!(number(&rows[1], "engaged_ms"), 900);
    assert_eq!(processed.new_visitor.map(|cookie| cookie.id.0), Some(number(row, "visitor_id")));
}

#[test]
fn a_retry_names_the_visitor_that_its_first_try_may_have_made() {
    let bench = Bench::new();
    let receipt = bench.receipt(&["necessary", "analytics"], |_| {});
    let first = bench.process(&body(), Some(&receipt), CHROME).unwrap();
    let made = first.new_visitor.unwrap().id;
    assert_eq!(first.retry, None);
    // Another tab has had its answer meanwhile, with a visitor's cookie.
    let visitor =
        VisitorCookie { id: HexId(77), created_s: NOW_MS / 1_000 }.sign("demo", NOW_MS, &bench.keys);
    let credentials = Credentials { consent: Some(&receipt), visitor: Some(&visitor) };
    let retry = body().replacen("\"v\": 1,", "\"v\": 1, \"retry\": true,", 1);
    let again = bench.process_of(&retry, credentials, CHROME).unwrap();
    assert_eq!((number(&wholes(&again)[0], "visitor_id"), again.retry), (77, Some(made)));
}

#[test]
fn an_ungranted_field_stays_empty() {
    let bench = Bench::new();
    let granted = |categories: &[&str]| {
        let receipt = bench.receipt(categories, |_| {});
        wholes(&bench.process(&body(), Some(&receipt), CHROME).unwrap()).remove(0)
    };
    let narrow = granted(&["necessary", "analytics"]);
    assert_eq!((text(&narrow, "utm_campaign"), text(&narrow, "utm_term")), ("ferry", ""));
    let wide = granted(&["necessary", "analytics", "advertising"]);
    assert_eq!((text(&wide, "utm_campaign"), text(&wide, "utm_term")), ("ferry", "night boat"));
}

#[test]
fn a_category_granted_in_part_counts_for_measuring_only_with_kruimels_own_service() {
    let bench = Bench::new();
    let receipt = |category: &str, service: &str| {
        bench.receipt(&["necessary", "analytics", "advertising"], |receipt| {
            receipt.services = [(category.to_owned(), vec![service.to_owned()])].into();
        })
    };
    let processed = bench.process(&body(), Some(&receipt("analytics", "kruimel")), CHROME).unwrap();
    assert_eq!((processed.rows.len(), text(&wholes(&processed)[0], "utm_term")), (2, "night boat"));
    let processed = bench.process(&body(), Some(&receipt("advertising", "streetreach")), CHROME).unwrap();
    assert_eq!((processed.rows.len(), text(&wholes(&processed)[0], "utm_term")), (2, ""));
}

#[test]
fn without_a_live_receipt_that_grants_it_nothing_goes_on() {
    let mut bench = Bench::new();
    let granting = ["necessary", "analytics"];
    let live = bench.receipt(&granting, |_| {});
    bench.check(&body(), None, Rejection::NoReceipt);
    let refusal = r#"{"categories":["necessary","analytics"],"services":{},"revision":1,"day":"2026-11-22"}"#;
    bench.check(&body(), Some(refusal), Rejection::NoReceipt);
    bench.check(&body(), Some(&live.replace("\"revision\"", "\"Revision\"")), Rejection::ForgedReceipt);
    let other_site = bench.receipt(&granting, |receipt| receipt.site = "other".into());
    bench.check(&body(), Some(&other_site), Rejection::ForgedReceipt);
    let over = bench.receipt(&granting, |receipt| receipt.expiration_time = NOW_MS as u64);
    bench.check(&body(), Some(&over), Rejection::ExpiredReceipt);
    let outdated = bench.receipt(&granting, |receipt| receipt.revision += 1);
    bench.check(&body(), Some(&outdated), Rejection::OutdatedReceipt);
    let functional = bench.receipt(&["necessary", "functional"], |_| {});
    bench.check(&body(), Some(&functional), Rejection::NotGranted);
    let others = bench.receipt(&granting, |receipt| {
        receipt.services = [("analytics".to_owned(), vec!["leeshoek".to_owned()])].into();
    });
    bench.check(&body(), Some(&others), Rejection::NotGranted);
    bench.dead = Some(HexId(0xc0));
    bench.check(&body(), Some(&live), Rejection::WithdrawnReceipt);
}

#[test]
fn a_page_of_another_site_and_a_robot_are_turned_away() {
    let bench = Bench::new();
    let receipt = bench.receipt(&["necessary", "analytics"], |_| {});
    bench.check(&body().replace("\"demo\"", "\"nobody\""), Some(&receipt), Rejection::UnknownSite);
    bench.check(&body().replace("localhost", "evil.example"), Some(&receipt), Rejection::ForeignOrigin);
    assert_eq!(
        bench.process(&body(), Some(&receipt), "curl/8").err(),
        Some(Refused { reason: Rejection::Robot, site: "demo".to_owned(), events: 2 })
    );
}

#[test]
fn an_absurd_event_is_refused_alone() {
    let bench = Bench::new();
    let receipt = bench.receipt(&["necessary", "analytics"], |_| {});
    let reasons = |body: String| -> Vec<(u32, Rejection)> {
        let processed = bench.process(&body, Some(&receipt), CHROME).unwrap();
        processed.rejected.into_iter().map(|(told, reason)| (told.index, reason)).collect()
    };
    assert_eq!(reasons(body().replace("1200", "90000000")), [(0, Rejection::AbsurdTime)]);
    assert_eq!(
        reasons(body().replace("\"engaged_ms\": 900", "\"engaged_ms\": 1100")),
        [(1, Rejection::AbsurdDuration)]
    );
}
