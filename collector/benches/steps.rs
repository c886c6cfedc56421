//! What each step of an event's path costs by itself: `cargo bench --package kruimel-collector --bench steps`.
//!
//! In: batches as the tracker sends them, of 1, 10 and 20 events. Out: criterion's figures. What the whole costs, with
//! HTTP and drain, is told by `cargo xtask load`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kruimel_collector::config::Config;
use kruimel_collector::pipeline::{
    Agents, ClientIp, Credentials, Request, Tables, TruncatedIp, admit, enrich, parse, process, surroundings,
};
use kruimel_collector::receipt::{Keys, LiveReceipt, VisitorCookie, sign, timestamp};
use kruimel_collector::spool::{Appended, Record, Spool, SpoolOptions, Table};
use std::collections::BTreeMap;
use std::hint::black_box;
use wire::{BatchId, HexId, Receipt};

const NOW_MS: i64 = 1_790_000_000_000;
const SITE: &str = "demo";
const SIZES: [usize; 3] = [1, 10, 20];
const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// A site, a key and a visitor who allowed analytics.
struct Bench {
    config: Config,
    keys: Keys,
    agents: Agents,
    consent: String,
    visitor: String,
}

impl Bench {
    fn new() -> Bench {
        let local = |port| ([127, 0, 0, 1], port).into();
        let config = Config::demo("data".into(), local(0), local(1));
        let keys = Keys::generate();
        let receipt = Receipt {
            categories: vec!["necessary".into(), "functional".into(), "analytics".into()],
            services: BTreeMap::new(),
            revision: config.sites[0].revision,
            consent_id: HexId(0xc0),
            consent_timestamp: timestamp(NOW_MS),
            last_consent_timestamp: timestamp(NOW_MS),
            language_code: "en".into(),
            expiration_time: (NOW_MS + 1_000_000) as u64,
            session: false,
            site: SITE.into(),
            key: String::new(),
        };
        let consent = sign(receipt, NOW_MS, &keys);
        let visitor = VisitorCookie { id: HexId(7), created_s: NOW_MS / 1_000 }.sign(SITE, NOW_MS, &keys);
        Bench { config, keys, agents: Agents::default(), consent, visitor }
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials { consent: Some(&self.consent), visitor: Some(&self.visitor) }
    }

    fn tables<T>(&self, work: impl FnOnce(&Tables<'_>) -> T) -> T {
        let is_dead = |_| false;
        let (sites, keys, agents) = (&self.config.sites, &self.keys, &self.agents);
        work(&Tables { sites, keys, is_dead: &is_dead, geo: None, agents })
    }

    fn request<'a>(&'a self, body: &'a str) -> Request<'a> {
        Request {
            body: body.as_bytes(),
            address: address(),
            user_agent: USER_AGENT,
            credentials: self.credentials(),
            now_ms: NOW_MS,
            sample: false,
        }
    }
}

fn address() -> TruncatedIp {
    ClientIp::new([198, 51, 100, 77].into()).truncate()
}

fn body(events: usize) -> String {
    let engagement = |seq: usize| {
        format!(r#"{{"seq":{seq},"kind":"engagement","age_ms":900,"visible_ms":900,"engaged_ms":800}}"#)
    };
    let view = r#"{"seq":1,"kind":"view","age_ms":1200}"#.to_owned();
    let events: Vec<String> = std::iter::once(view).chain((2..=events).map(engagement)).collect();
    format!(
        r#"{{"v":1,"batch":"0198f2c4-9d1b-7c3e-8a55-0123456789ab","site":"{SITE}","page":{{"view":"00000000000000aa","host":"localhost","path":"/news/night-ferry","title":"The night ferry is back in the Town of Example","referrer":"https://www.google.be/"}},"client":{{"visit":"00000000000000bb","language":"nl-BE","time_zone":"Europe/Brussels","viewport_width":1280,"touch_points":0}},"events":[{}]}}"#,
        events.join(",")
    )
}

fn steps(criterion: &mut Criterion) {
    let bench = Bench::new();
    let site = &bench.config.sites[0];
    let body_of_ten = body(10);
    let raw = parse(body_of_ten.as_bytes()).unwrap();
    criterion.bench_function("receipt check", |bencher| {
        bencher.iter(|| LiveReceipt::check(black_box(&bench.consent), SITE, NOW_MS, &bench.keys).unwrap());
    });
    criterion.bench_function("admit (receipt and visitor)", |bencher| {
        bench.tables(|tables| {
            bencher.iter(|| admit(black_box(&raw), site, &bench.credentials(), NOW_MS, tables).unwrap());
        });
    });
    criterion.bench_function("enrich (once a batch)", |bencher| {
        let admitted =
            bench.tables(|tables| admit(&raw, site, &bench.credentials(), NOW_MS, tables)).unwrap();
        bencher.iter(|| {
            let agent = bench.agents.read(black_box(USER_AGENT));
            let around = surroundings(&raw, site, &admitted, address(), &agent, None);
            for event in raw.events() {
                black_box(enrich(admitted.event(event).unwrap(), &around));
            }
        });
    });
    criterion.bench_function("user agent read anew", |bencher| {
        bencher.iter_batched_ref(
            Agents::default,
            |agents| agents.read(black_box(USER_AGENT)),
            BatchSize::SmallInput,
        );
    });
}

fn batches(criterion: &mut Criterion) {
    let bench = Bench::new();
    for (name, whole) in [("parse", false), ("process", true)] {
        let mut group = criterion.benchmark_group(name);
        for events in SIZES {
            let body = body(events);
            group.throughput(Throughput::Elements(events as u64));
            group.bench_with_input(BenchmarkId::from_parameter(events), &body, |bencher, body| {
                bench.tables(|tables| {
                    if whole {
                        bencher.iter(|| process(&bench.request(black_box(body)), tables).unwrap().rows.len());
                    } else {
                        bencher.iter(|| parse(black_box(body.as_bytes())).unwrap().events.len());
                    }
                });
            });
        }
        group.finish();
    }
}

/// Appends with real syncs: one record alone, and 64 at once that share a sync.
fn append(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let options = SpoolOptions { bytes_max: 16 << 30, ..SpoolOptions::default() };
    let (spool, _) = Spool::open(folder.path(), options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let record = |id| Record {
        batch: Some(BatchId(id)),
        consent_id: 1,
        ..Record::of(Table::Events, vec![vec![7; 350]; 10].into())
    };
    let mut next = 0_u128;
    let mut group = criterion.benchmark_group("spool append, synced, 10 rows each");
    for records in [1, 64] {
        group.throughput(Throughput::Elements(records));
        group.bench_function(BenchmarkId::from_parameter(records), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let tasks: Vec<_> = (0..records)
                        .map(|_| {
                            next += 1;
                            let (spool, record) = (spool.clone(), record(next));
                            tokio::spawn(async move { spool.append(record).await })
                        })
                        .collect();
                    for task in tasks {
                        assert_eq!(task.await.unwrap(), Ok(Appended::Fresh));
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(all, steps, batches, append);
criterion_main!(all);
