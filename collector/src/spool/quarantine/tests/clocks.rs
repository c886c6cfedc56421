//! What the quarantine makes of clocks that are set.

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A spool with one segment in quarantine, whose clock each test sets.
struct Set {
    home: tempfile::TempDir,
    disk: Arc<Withholding>,
    shared: Shared,
    /// When the file was begun and put here, by the machine's clock.
    put: SystemTime,
}

impl Set {
    async fn new() -> Set {
        let home = tempfile::tempdir().unwrap();
        drop(refused(home.path(), vec![event(7, "mine")]).await);
        let disk = Arc::new(Withholding::default());
        let shared = Shared::new(home.path().to_owned(), u64::MAX, Arc::clone(&disk) as Arc<dyn Disk>);
        shared.add_bytes(1 << 20);
        Set { home, disk, shared, put: SystemTime::now() }
    }

    /// Opened so long ago, by a clock from which that time is `wall` now.
    fn opened(&mut self, ago: Duration, wall: SystemTime) -> &Set {
        self.shared.clock = Clock::started(ago, wall);
        self
    }

    /// Whether the file outlasts a look at that time by the machine's clock.
    fn outlasts(&self, withdrawals: &Withdrawals<'_>, now: SystemTime) -> bool {
        sweep_at(&self.shared, withdrawals, now).unwrap();
        held(self.home.path(), ".sealed").is_some()
    }
}

#[tokio::test]
async fn a_file_that_nobody_can_read_does_not_wait_for_a_clock_that_was_ahead() {
    let mut set = Set::new().await;
    set.disk.0.store(5, Ordering::Relaxed);
    let withdrawal = of_7(ms(set.put));
    let (put, right) = (set.put, set.put - 2 * REREAD_TIME);
    assert!(set.outlasts(&withdrawal, right), "or the clock is behind, and it was begun a moment ago");
    assert!(
        set.opened(2 * REREAD_TIME, put).outlasts(&withdrawal, right),
        "it was set back since the spool was opened"
    );
    assert!(!set.opened(REREAD_TIME, right).outlasts(&withdrawal, right));
}

#[tokio::test]
async fn a_file_that_nobody_can_read_is_as_old_as_the_spool_says_that_was_opened_by_a_clock_that_was_ahead() {
    let mut set = Set::new().await;
    set.disk.0.store(5, Ordering::Relaxed);
    let withdrawal = of_7(ms(set.put));
    let (put, right) = (set.put, set.put - 2 * KEPT_TIME);
    assert!(set.opened(REREAD_TIME - HOUR, put + REREAD_TIME - HOUR).outlasts(&withdrawal, right));
    assert!(!set.opened(REREAD_TIME + HOUR, put + REREAD_TIME + HOUR).outlasts(&withdrawal, right));
}

#[tokio::test]
async fn a_file_that_nobody_can_read_is_no_older_for_a_clock_that_jumps() {
    let mut set = Set::new().await;
    set.disk.0.store(5, Ordering::Relaxed);
    let (put, withdrawal) = (set.put, of_7(ms(set.put)));
    assert!(set.opened(HOUR, put + HOUR).outlasts(&withdrawal, put + 2 * REREAD_TIME));
    assert!(!set.opened(2 * REREAD_TIME, put + 2 * REREAD_TIME).outlasts(&withdrawal, put + 2 * REREAD_TIME));
}

#[tokio::test]
async fn the_thirty_days_of_a_file_do_not_wait_for_a_clock_that_was_ahead() {
    let mut set = Set::new().await;
    let right = set.put - 10 * KEPT_TIME;
    assert!(set.outlasts(&NOTHING, right));
    assert!(set.opened(REREAD_TIME, right).outlasts(&NOTHING, right), "they begin now");
    let nearly = right + KEPT_TIME - HOUR;
    assert!(set.opened(REREAD_TIME, nearly).outlasts(&NOTHING, nearly));
    let over = right + KEPT_TIME + HOUR;
    assert!(!set.opened(REREAD_TIME, over).outlasts(&NOTHING, over));
}

#[tokio::test]
async fn the_thirty_days_of_a_file_are_over_by_both_clocks_or_not_at_all() {
    let mut set = Set::new().await;
    let (put, over) = (set.put, set.put + KEPT_TIME + HOUR);
    let mut outlasts = |opened_ago, by_spool, now| set.opened(opened_ago, by_spool).outlasts(&NOTHING, now);
    assert!(outlasts(HOUR, put + HOUR, over), "the machine's clock jumped");
    assert!(outlasts(HOUR, over, put + HOUR), "the spool was opened by one that was ahead");
    assert!(outlasts(HOUR, put - HOUR, over), "it was opened by one that was behind");
    assert!(outlasts(Duration::ZERO, over, over), "it was opened a moment ago");
    assert!(!outlasts(HOUR, over, over));
}

#[tokio::test]
async fn the_thirty_days_of_a_file_begin_by_the_spools_clock_where_the_machines_fell_behind() {
    let home = tempfile::tempdir().unwrap();
    let spool = open(home.path());
    spool.append(event(7, "mine")).await.unwrap();
    spool.seal().await;
    let segment = spool.oldest_now().unwrap();
    let mut shared = Shared::new(home.path().to_owned(), u64::MAX, Arc::new(Withholding::default()));
    let right = SystemTime::now() + 2 * KEPT_TIME;
    shared.clock = Clock::started(HOUR, right);
    keep(&shared, &segment.path, &segment.name).unwrap();
    sweep_at(&shared, &NOTHING, right + HOUR).unwrap();
    assert!(held(home.path(), ".sealed").is_some());
}
