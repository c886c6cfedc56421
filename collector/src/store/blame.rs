//! Whether rows of a stuck segment are at fault themselves, though the store has no words for it, or ends.
//!
//! In: how each try of the segment ended, and which tables' rows of others went in after it. Out: proof that the store takes
//! such rows, and not these. It is proof once rows of the same table went in after [`OVERTAKEN_MAX`] tries that failed with an
//! insert of these, over as long a time as made the segment count as stuck. A try that came to no insert counts for nothing;
//! one that failed for want of something, or with another table's rows, takes back what there was.

use super::StoreError;
use super::settle::TOO_LARGE_AS_A_WHOLE;
use crate::spool::Table;
use clickhouse::error::Error;
use std::time::{Duration, Instant};

/// Tries after which others' rows of the same table went in, before these are to blame.
const OVERTAKEN_MAX: u32 = 4;
/// For how long that is proof: a store that was away since may be another one.
const PROOF_TIME: Duration = Duration::from_secs(5 * 60);
/// How much is kept of what the store said, in characters.
const WHY_CHARS_MAX: usize = 500;

/// ClickHouse's codes for what it lacks at the moment: time, a network, a quota, memory, threads, room on its disk, merged
/// parts, replicas, a table that may be written, somebody who lets it finish.
const SHORT_OF_SOMETHING: [u32; 22] = [
    75, 76, 159, 173, 201, 202, 209, 210, 225, 236, 241, 242, 243, 252, 279, 285, 286, 319, 394, 439, 499,
    999,
];
/// Its codes for exceptions of libraries, and what they say where a disk is full, or a quota, or memory is short.
const OF_LIBRARIES: [u32; 2] = [1000, 1001];
const WORDS_OF_SHORTAGE: [&str; 4] = ["No space left", "errno: 28,", "errno: 122,", "bad_alloc"];

/// What is held against a segment's rows.
#[derive(Default)]
pub(super) struct Blame {
    suspicion: Option<Suspicion>,
}

struct Suspicion {
    table: Table,
    /// What the store said last.
    why: String,
    /// It said nothing, and its connection ended.
    by_an_end: bool,
    last: LastTry,
    /// How many tries were followed by another's rows of that table that went in.
    overtaken: u32,
    /// When one was first.
    since: Option<Instant>,
    /// Whether it is proof, for the try that follows.
    is_proof: bool,
}

/// That the store takes rows of a table, and not these.
pub(super) struct Proof {
    /// What it said of them last.
    pub(super) why: String,
    /// They ended it, or its connection: another try would leave nobody to ask what is held.
    pub(super) by_an_end: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LastTry {
    /// It came to no insert of these rows.
    Elsewhere,
    /// It failed with one.
    Failed,
    /// The same, and others went in after it, first at that time.
    Overtaken(Instant),
}

impl Blame {
    /// A try begins.
    pub(super) fn begin(&mut self) {
        if let Some(it) = &mut self.suspicion {
            it.is_proof &= matches!(it.last, LastTry::Overtaken(at) if at.elapsed() < PROOF_TIME);
            it.last = LastTry::Elsewhere;
        }
    }

    /// In it an insert of rows of a table failed.
    pub(super) fn untaken(&mut self, table: Table, error: &StoreError) {
        let before = self.suspicion.take().filter(|it| it.table == table);
        self.suspicion = may_lie_in_rows(error).then(|| {
            let (overtaken, since) = before.map_or((0, None), |it| (it.overtaken, it.since));
            let (why, last) = (error.to_string().chars().take(WHY_CHARS_MAX).collect(), LastTry::Failed);
            let by_an_end = is_an_end(error);
            Suspicion { table, why, by_an_end, last, overtaken, since, is_proof: false }
        });
    }

    /// The store holds the rows of a table.
    pub(super) fn taken(&mut self, table: Table) {
        self.suspicion.take_if(|it| it.table == table);
    }

    /// After it rows of another segment went in, of these tables; a segment is stuck after so long.
    pub(super) fn overtaken(&mut self, brought: &[Table], stuck_time: Duration) {
        if let Some(it) = &mut self.suspicion
            && it.last == LastTry::Failed
            && brought.contains(&it.table)
        {
            it.last = LastTry::Overtaken(Instant::now());
            it.overtaken += 1;
            let since = it.since.get_or_insert_with(Instant::now);
            it.is_proof = it.overtaken >= OVERTAKEN_MAX && since.elapsed() >= stuck_time;
        }
    }

    /// The proof that rows of that table are to blame, before the try that goes on comes to them.
    pub(super) fn proof(&self, table: Table) -> Option<Proof> {
        let it = self.suspicion.as_ref().filter(|it| it.is_proof && it.table == table)?;
        Some(Proof { why: it.why.clone(), by_an_end: it.by_an_end })
    }
}

/// Whether the store said nothing.
pub(super) fn is_an_end(error: &StoreError) -> bool {
    !matches!(error, StoreError::Client(Error::BadResponse(_)) | StoreError::Unsettled { .. })
}

/// Whether an insert that failed, again and again, may have failed for its rows: not where the store lacks something for the
/// moment, which a large one may need and a small one not.
pub(super) fn may_lie_in_rows(error: &StoreError) -> bool {
    match error {
        StoreError::Client(Error::BadResponse(text)) => code(text).is_some_and(|code| {
            let says = |words: &str| text.contains(words);
            let is_short = SHORT_OF_SOMETHING.contains(&code)
                || (OF_LIBRARIES.contains(&code) && WORDS_OF_SHORTAGE.into_iter().any(says));
            !is_short && !text.contains(TOO_LARGE_AS_A_WHOLE)
        }),
        // A connection that ended may be an engine that did.
        StoreError::Client(error) => !matches!(error, Error::TimedOut),
        StoreError::Unsettled { .. } => true,
        StoreError::Disk(_) | StoreError::Migration(_) | StoreError::Stale { .. } => false,
    }
}

/// The store's code, if it is the store that answers.
fn code(answer: &str) -> Option<u32> {
    let code = answer.strip_prefix("Code: ")?;
    code[..code.find(|it: char| !it.is_ascii_digit()).unwrap_or(code.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> StoreError {
        StoreError::Client(Error::BadResponse(text.to_owned()))
    }

    fn refused() -> StoreError {
        answered("Code: 469. DB::Exception: Constraint is violated.")
    }

    /// A try that fails with these rows, after which those of another segment go in.
    fn try_and_be_overtaken(blame: &mut Blame, brought: &[Table]) {
        blame.begin();
        blame.untaken(Table::Events, &refused());
        blame.overtaken(brought, Duration::ZERO);
        blame.overtaken(brought, Duration::ZERO);
    }

    fn is_proved(blame: &mut Blame) -> bool {
        blame.begin();
        blame.proof(Table::Events).is_some()
    }

    #[test]
    fn rows_are_to_blame_once_others_of_their_table_went_in_after_several_tries() {
        let mut blame = Blame::default();
        for _ in 1..OVERTAKEN_MAX {
            try_and_be_overtaken(&mut blame, &[Table::Events]);
        }
        try_and_be_overtaken(&mut blame, &[Table::Rejections]);
        assert!(!is_proved(&mut blame), "others went into another table");
        blame.overtaken(&[Table::Events], Duration::ZERO);
        assert!(!is_proved(&mut blame), "that try came to no insert");
        try_and_be_overtaken(&mut blame, &[Table::Events]);
        assert!(is_proved(&mut blame) && blame.proof(Table::Links).is_none());
        assert!(!is_proved(&mut blame), "the last try came to no insert");
        blame.untaken(Table::Events, &refused());
        assert!(!is_proved(&mut blame), "nothing went in since that try");
        try_and_be_overtaken(&mut blame, &[Table::Events]);
        blame.taken(Table::Events);
        assert!(!is_proved(&mut blame), "they went in");
    }

    #[test]
    fn others_have_to_go_in_for_so_long_and_an_outage_before_counts_for_nothing() {
        let mut blame = Blame::default();
        try_and_be_overtaken(&mut blame, &[]);
        assert!(blame.suspicion.as_ref().is_some_and(|it| it.since.is_none()));
        for _ in 0..OVERTAKEN_MAX {
            blame.begin();
            blame.untaken(Table::Events, &refused());
            blame.overtaken(&[Table::Events], Duration::from_secs(3_600));
        }
        assert!(!is_proved(&mut blame));
        try_and_be_overtaken(&mut blame, &[Table::Events]);
        assert!(is_proved(&mut blame));
    }

    #[test]
    fn another_reason_begins_anew() {
        let is_proved = |between: fn(&mut Blame)| {
            let mut blame = Blame::default();
            for _ in 0..OVERTAKEN_MAX {
                try_and_be_overtaken(&mut blame, &[Table::Events]);
            }
            between(&mut blame);
            try_and_be_overtaken(&mut blame, &[Table::Events]);
            is_proved(&mut blame)
        };
        assert!(is_proved(|_| ()));
        assert!(is_proved(Blame::begin));
        assert!(!is_proved(|blame| blame.untaken(Table::Links, &refused())));
        assert!(!is_proved(|blame| blame.untaken(Table::Events, &answered("Code: 241"))));
    }

    #[test]
    fn what_the_store_lacks_for_the_moment_lies_in_no_row() {
        let check = |answer: &str, expected: bool| {
            assert_eq!(may_lie_in_rows(&answered(answer)), expected, "{answer}");
        };
        check("Code: 469. DB::Exception: Constraint is violated.", true);
        check("Code: 49. DB::Exception: Logical error.", true);
        check("Code: 241. DB::Exception: Memory limit exceeded.", false);
        check("Code: 243. DB::Exception: Not enough space.", false);
        check("Code: 252. DB::Exception: Too many parts.", false);
        check("Code: 241", false);
        check("Code: 131. DB::Exception: The data is larger than 268435456 bytes", false);
        check("Code: 1001. DB::Exception: std::filesystem: No space left on device", false);
        check("Code: 1001. DB::Exception: std::exception", true);
        check("Code: 469. DB::Exception: Constraint is violated at path = 'No space left'", true);
        check("Code: 76. DB::ErrnoException: Cannot open file: errno: 122, strerror: Quota exceeded.", false);
        check("Code: 394. DB::Exception: Query was cancelled.", false);
        check("502 Bad Gateway", false);
        let check = |error, expected| assert_eq!(may_lie_in_rows(&error), expected, "{error}");
        check(StoreError::Client(Error::TimedOut), false);
        check(StoreError::Client(Error::Network("gone".into())), true);
        check(StoreError::Disk(std::io::ErrorKind::NotFound.into()), false);
    }
}
