//! What a collector does beside answering: it drains the spool, erases what was withdrawn, and sends its counters on.
//!
//! In: the parts of a [`Collector`]. Out: records of counters in the spool, every half minute. Invariant: a count is in one
//! record that is on disk, or waits for the next.

use super::Collector;
use crate::ledger::Artefacts;
use crate::spool::{Record, Table};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the counters of refusals go to the store and the geography is looked at.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(30);

/// How often the ledger's artefacts are compared with the store's, if they are the same.
const ARTEFACTS_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

impl Collector {
    /// Drains the spool, erases what was withdrawn and flushes the counters, until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            self.store.run(
                &self.spool,
                &self.withdrawn,
                &self.ledger,
                Arc::clone(&self.kept_sites),
                stop.clone()
            ),
            self.keep_current(stop)
        );
    }

    async fn keep_current(&self, stop: CancellationToken) {
        let mut kept_last: Option<(Instant, Arc<Artefacts>)> = None;
        let store = self.store.for_intake();
        loop {
            let artefacts = self.artefacts.load_full();
            let is_kept = |(at, kept): &(Instant, Arc<Artefacts>)| {
                Arc::ptr_eq(kept, &artefacts) && at.elapsed() < ARTEFACTS_INTERVAL
            };
            if !kept_last.as_ref().is_some_and(is_kept) {
                // What a stop leaves undone the next start does.
                let kept = tokio::select! {
                    kept = store.keep_artefacts(&artefacts) => Some(kept),
                    () = stop.cancelled() => None,
                };
                match kept {
                    Some(Ok(())) => kept_last = Some((Instant::now(), artefacts)),
                    Some(Err(error)) => {
                        tracing::debug!(%error, "The ledger's artefacts are not in the store yet.");
                    }
                    None => {}
                }
            }
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(UPKEEP_INTERVAL) => false,
                () = self.reloaded.notified() => false,
            };
            self.flush_counters().await;
            tokio::task::block_in_place(|| self.in_force.load().geography.refresh());
            if stopped {
                return;
            }
        }
    }

    /// Sends what was counted since the last flush on its way to the store.
    pub async fn flush_counters(&self) {
        self.flush_rejections().await;
        self.flush_displays().await;
    }

    async fn flush_displays(&self) {
        let counted = self.displays.flush();
        if counted.is_empty() {
            return;
        }
        let in_force = self.in_force.load();
        let months = |site: &str| in_force.ledger_months.get(site).copied().unwrap_or(1);
        let rows = counted.rows(months).into();
        let record = Record::of(Table::Displays, rows);
        if let Err(error) = self.spool.append(record).await {
            tracing::warn!(%error, "The counts of displays could not be kept; they are tried again.");
            self.displays.restore(counted);
        }
    }

    async fn flush_rejections(&self) {
        let counted = self.outcomes.flush();
        if counted.is_empty() {
            return;
        }
        let rows = counted.rows(crate::config::REJECTIONS_DAYS).into();
        let record = Record::of(Table::Rejections, rows);
        if let Err(error) = self.spool.append(record).await {
            tracing::warn!(%error, "The counters of refusals could not be kept; they are tried again.");
            self.outcomes.restore(counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Language};
    use crate::metrics::{COUNTS_MAX, DISPLAYS, ORIGIN_HOSTS_MAX, REJECTIONS};
    use crate::pipeline::Rejection;
    use crate::row_binary::Layout;
    use crate::spool::StoredRecord;
    use crate::store::Store;
    use std::path::Path;
    use wire::limits::SITE_ID_BYTES_MAX;

    fn collector(folder: &Path) -> Collector {
        let address = "127.0.0.1:0".parse().unwrap();
        let config = Config::demo(folder.to_owned(), address, address);
        Collector::open(config, clickhouse::Client::default()).unwrap()
    }

    /// Flushes, and tells how many rows of a table are on disk by then, and what they count.
    async fn flushed(collector: &Collector, table: Table, layout: Layout) -> (usize, u64) {
        collector.flush_counters().await;
        collector.spool.seal().await;
        let (mut rows, mut counted) = (0, 0);
        while let Some(segment) = collector.spool.oldest_now() {
            let count = |records: &[StoredRecord<'_>]| {
                for row in records.iter().filter(|record| record.table == table).flat_map(StoredRecord::rows)
                {
                    let count = layout.field(&row.whole(), "count").unwrap().try_into().unwrap();
                    rows += 1;
                    counted += u64::from_le_bytes(count);
                }
            };
            let (contents, ()) = collector.spool.read(&segment, count).unwrap();
            collector.spool.finish(&segment, &contents).unwrap();
        }
        (rows, counted)
    }

    async fn refusals(collector: &Collector) -> (usize, u64) {
        let flushed = flushed(collector, Table::Rejections, REJECTIONS).await;
        assert!(collector.outcomes.flush().is_empty());
        flushed
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_does_not_answer_holds_up_no_stop() {
        let folder = tempfile::tempdir().unwrap();
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut collector = collector(folder.path());
        let url = format!("http://{}", silent.local_addr().unwrap());
        collector.store = Store::new(clickhouse::Client::default().with_url(url));
        let stop = CancellationToken::new();
        let upkeep = tokio::spawn({
            let stop = stop.clone();
            async move { collector.keep_current(stop).await }
        });
        let _asked = silent.accept().await.unwrap();
        stop.cancel();
        // An answer is waited for three times as long.
        tokio::time::timeout(Duration::from_secs(20), upkeep).await.expect("it stops at once").unwrap();
    }

    #[tokio::test]
    async fn hosts_of_any_length_are_counted_and_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let collector = collector(folder.path());
        for number in 0..100 {
            let host = format!("{number}{}.example", "x".repeat(20_000));
            collector.outcomes.decision_rejected("demo", Rejection::ForeignOrigin, &host, 0);
        }
        assert_eq!(refusals(&collector).await, (1, 100), "a name that is none is not told apart");
    }

    #[tokio::test]
    async fn a_spool_that_was_full_for_hours_gets_every_count_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let collector = collector(folder.path());
        for round in 0..50 {
            for number in 0..100 {
                let host = format!("{round}-{number}-{}", "x".repeat(240));
                collector.outcomes.decision_rejected(
                    "demo",
                    Rejection::ForeignOrigin,
                    &host,
                    round * 3_600_000,
                );
            }
            let counted = collector.outcomes.flush();
            collector.outcomes.restore(counted);
        }
        // The hosts of the first hour, and one row for each of the others.
        assert_eq!(refusals(&collector).await, (ORIGIN_HOSTS_MAX + 49, 50 * 100));
    }

    #[tokio::test]
    async fn the_most_that_can_wait_fits_one_record() {
        let folder = tempfile::tempdir().unwrap();
        let collector = collector(folder.path());
        let site = "x".repeat(SITE_ID_BYTES_MAX);
        for number in 0..ORIGIN_HOSTS_MAX {
            let host = format!("{number:0253}");
            collector.outcomes.decision_rejected(&site, Rejection::ForeignOrigin, &host, 0);
        }
        // A year of every reason, and below of every language.
        let hours = 365 * 24;
        for hour in 0..hours {
            for reason in Rejection::ALL {
                collector.outcomes.rejected(&site, reason, "", 1, hour * 3_600_000);
            }
        }
        let total = hours as u64 * Rejection::ALL.len() as u64 + ORIGIN_HOSTS_MAX as u64;
        let counted = collector.outcomes.flush();
        collector.outcomes.restore(counted);
        let (rows, refused) = refusals(&collector).await;
        assert_eq!(refused, total);
        assert!((COUNTS_MAX..=COUNTS_MAX + Rejection::ALL.len()).contains(&rows), "{rows}");

        for hour in 0..hours {
            for language in Language::ALL {
                collector.displays.served(&site, u32::MAX, language, hour * 3_600_000);
            }
        }
        let counted = collector.displays.flush();
        collector.displays.restore(counted);
        let total = hours as u64 * Language::ALL.len() as u64;
        let (rows, displays) = flushed(&collector, Table::Displays, DISPLAYS).await;
        assert_eq!(displays, total);
        assert!((COUNTS_MAX..=COUNTS_MAX + 1).contains(&rows), "{rows}");
        assert!(collector.displays.flush().is_empty());
    }
}
