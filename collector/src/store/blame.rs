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
    last: LastTry,
    /// How many tries were followed by another's rows of that table that went in.
    overtaken: u32,
    /// When one was first.
    since: Option<Instant>,
    /// Whether it was proof when the try that goes on began.
    is_proof: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LastTry {
    /// It came to no insert of these rows.
    Elsewhere,
    /// It failed with one.
    Failed,
    /// The same, and others went in after it.
    Overtaken,
}

impl Blame {
    /// A try begins, of a segment that is stuck after so long.
    pub(super) fn begin(&mut self, stuck_time: Duration) {
        if let Some(it) = &mut self.suspicion {
            it.is_proof = it.last != LastTry::Elsewhere
                && it.overtaken >= OVERTAKEN_MAX
                && it.since.is_some_and(|since| since.elapsed() >= stuck_time);
            it.last = LastTry::Elsewhere;
        }
    }

    /// In it an insert of rows of a table failed.
    pub(super) fn untaken(&mut self, table: Table, error: &StoreError) {
        let before = self.suspicion.take().filter(|it| it.table == table);
        self.suspicion = may_lie_in_rows(error).then(|| {
            let (overtaken, since) = before.map_or((0, None), |it| (it.overtaken, it.since));
            let (why, last) = (error.to_string(), LastTry::Failed);
            Suspicion { table, why, last, overtaken, since, is_proof: false }
        });
    }

    /// The store holds the rows of a table.
    pub(super) fn taken(&mut self, table: Table) {
        self.suspicion.take_if(|it| it.table == table);
    }

    /// After it rows of another segment went in, of these tables.
    pub(super) fn overtaken(&mut self, brought: &[Table]) {
        if let Some(it) = &mut self.suspicion
            && it.last == LastTry::Failed
            && brought.contains(&it.table)
        {
            it.last = LastTry::Overtaken;
            it.overtaken += 1;
            it.since.get_or_insert_with(Instant::now);
        }
    }

    /// What the store said of rows of that table, if they are to blame.
    pub(super) fn proof(&self, table: Table) -> Option<&str> {
        self.suspicion.as_ref().filter(|it| it.is_proof && it.table == table).map(|it| it.why.as_str())
    }
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
        blame.begin(Duration::ZERO);
        blame.untaken(Table::Events, &refused());
        blame.overtaken(brought);
        blame.overtaken(brought);
    }

    fn is_proved_after(blame: &mut Blame, time: Duration) -> bool {
        blame.begin(time);
        blame.proof(Table::Events).is_some()
    }

    #[test]
    fn rows_are_to_blame_once_others_of_their_table_went_in_after_several_tries_and_for_so_long() {
        let mut blame = Blame::default();
        for _ in 1..OVERTAKEN_MAX {
            try_and_be_overtaken(&mut blame, &[Table::Events]);
        }
        try_and_be_overtaken(&mut blame, &[Table::Rejections]);
        assert!(!is_proved_after(&mut blame, Duration::ZERO), "others went into another table");
        blame.overtaken(&[Table::Events]);
        assert!(!is_proved_after(&mut blame, Duration::ZERO), "that try came to no insert");
        try_and_be_overtaken(&mut blame, &[Table::Events]);
        assert!(!is_proved_after(&mut blame, Duration::from_secs(3_600)), "not for so long");
        assert!(!is_proved_after(&mut blame, Duration::ZERO), "the last try came to no insert");
        blame.untaken(Table::Events, &refused());
        assert!(is_proved_after(&mut blame, Duration::ZERO));
        assert!(blame.proof(Table::Links).is_none(), "another table");
        blame.untaken(Table::Events, &refused());
        blame.taken(Table::Events);
        assert!(!is_proved_after(&mut blame, Duration::ZERO), "they went in");
    }

    #[test]
    fn an_outage_before_others_went_in_counts_for_nothing() {
        let mut blame = Blame::default();
        blame.untaken(Table::Events, &refused());
        assert!(blame.suspicion.as_ref().is_some_and(|it| it.since.is_none()));
        blame.overtaken(&[Table::Events]);
        assert!(blame.suspicion.is_some_and(|it| it.since.is_some()));
    }

    #[test]
    fn another_reason_begins_anew() {
        let is_proved = |between: fn(&mut Blame)| {
            let mut blame = Blame::default();
            for _ in 0..OVERTAKEN_MAX {
                try_and_be_overtaken(&mut blame, &[Table::Events]);
            }
            between(&mut blame);
            blame.untaken(Table::Events, &refused());
            is_proved_after(&mut blame, Duration::ZERO)
        };
        assert!(is_proved(|_| ()));
        assert!(is_proved(|blame| blame.begin(Duration::ZERO)));
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
