//! Where the day stands before a test begins: a test takes several moments, of its own clock, the server's and the
//! engine's, for one day. So it does not begin where midnight would pass while it runs. Both suites against the real
//! engine share this file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest a test takes that means one day, on a machine that is busy with others.
const TEST_TIME_S: u64 = 120;
/// Hours of a day in UTC after which a day ends: in Brussels in summer and in winter, and in UTC.
const MIDNIGHTS: [u64; 3] = [22, 23, 24];
const HOUR_S: u64 = 60 * 60;

/// Returns once no day is about to end.
pub(crate) fn await_room_in_day() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    std::thread::sleep(Duration::from_secs(seconds_to_wait(now.as_secs())));
}

/// How long it is until the end of a day that is too near for a test; 0 where none is.
fn seconds_to_wait(now_s: u64) -> u64 {
    let of_day = now_s % (24 * HOUR_S);
    let left = MIDNIGHTS.into_iter().filter_map(|hour| (hour * HOUR_S).checked_sub(of_day));
    left.filter(|left| *left < TEST_TIME_S).min().unwrap_or(0)
}

#[test]
fn a_test_waits_for_the_end_of_a_day_that_is_near_and_not_after_it() {
    let at = |hour: u64, seconds_before: u64| {
        seconds_to_wait(20_000 * 24 * HOUR_S + hour * HOUR_S - seconds_before)
    };
    for hour in MIDNIGHTS {
        let waits = [TEST_TIME_S, TEST_TIME_S - 1, 1, 0].map(|before| at(hour, before));
        assert_eq!(waits, [0, TEST_TIME_S - 1, 1, 0], "{hour}");
    }
    assert_eq!([0, 12, 21].map(|hour| at(hour, 0)), [0; 3]);
    assert_eq!(at(21, 1), 0, "no day ends there");
}
