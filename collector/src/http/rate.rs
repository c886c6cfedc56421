//! How much comes from where: a rate for each key, in memory that never grows.
//!
//! In: a key (a truncated address with a site and a kind of request) and how many a second it may have. Out: whether one
//! more is within that, and, where the key has come in a rush, when it would be that one's turn at the rate. Each key has
//! four places in a table of fixed size, chosen by a hash that a secret of this process seeds. A place holds no key, only a
//! moment: the one at which everything that was counted there would be paid off at the rate. The earliest of a key's four
//! moments is its own or later than its own, so that a key is limited too early only where floods fill all four of its
//! places. Invariant: nobody is kept here, not even truncated, and a million keys take as much room as one.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Places of a key.
const ROWS: usize = 4;
/// Bits of a place's number; 65,536 places a row make 2 MiB in all.
const PLACE_BITS: u32 = 16;
/// How much of a key's rate may come in one go, in microseconds of it.
const BURST_US: u64 = 10_000_000;
/// What is more than this of a key's rate in one go is a rush, in microseconds of it. Where hundreds come each second
/// at random, nine tenths of the rate in all, hardly ever so much comes together.
const RUSH_US: u64 = 100_000;

/// What one more of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Took {
    /// Within its rate, or nearly.
    Steady,
    /// One of a rush that is within what may come in one go, and how long from now all before it are paid off at the rate.
    Rush(Duration),
    /// Too much.
    Beyond,
}

impl Took {
    pub(crate) fn is_within(self) -> bool {
        self != Took::Beyond
    }
}

/// The rates of every key.
pub(crate) struct Rates {
    secret: RandomState,
    began: Instant,
    places: Box<[AtomicU64]>,
}

impl Rates {
    pub(crate) fn new() -> Rates {
        let places = (0..ROWS << PLACE_BITS).map(|_| AtomicU64::new(0)).collect();
        Rates { secret: RandomState::new(), began: Instant::now(), places }
    }

    /// Counts one more of a key, if that is within so many a second.
    pub(crate) fn take(&self, key: impl Hash, per_second: u32) -> Took {
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX / 2);
        self.take_at(self.secret.hash_one(key), per_second, now_us)
    }

    fn take_at(&self, hash: u64, per_second: u32, now_us: u64) -> Took {
        let places: [&AtomicU64; ROWS] = std::array::from_fn(|row| {
            let place = (hash >> (row as u32 * PLACE_BITS)) as usize & ((1 << PLACE_BITS) - 1);
            &self.places[(row << PLACE_BITS) + place]
        });
        let paid = places.iter().map(|place| place.load(Ordering::Relaxed)).min().unwrap_or(0).max(now_us);
        let cost_us = 1_000_000 / u64::from(per_second.max(1));
        if paid + cost_us > now_us + BURST_US {
            return Took::Beyond;
        }
        // Two at one moment may count as one: a limit need not be exact to the last request.
        for place in places {
            place.fetch_max(paid + cost_us, Ordering::Relaxed);
        }
        let ahead_us = paid - now_us;
        if ahead_us >= RUSH_US { Took::Rush(Duration::from_micros(ahead_us)) } else { Took::Steady }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_key_has_its_rate_and_ten_seconds_of_it_in_one_go() {
        let rates = Rates::new();
        let hash = rates.secret.hash_one("a");
        let taken = |now_us| {
            let took: Vec<Took> = (0..1_000).map(|_| rates.take_at(hash, 50, now_us)).collect();
            let rush: Vec<u128> = took
                .iter()
                .filter_map(|took| if let Took::Rush(wait) = took { Some(wait.as_millis()) } else { None })
                .collect();
            let steady = took.iter().filter(|took| **took == Took::Steady).count();
            (steady, rush.len(), rush.first().copied().unwrap_or(0), rush.last().copied().unwrap_or(0))
        };
        assert_eq!(taken(SECOND), (5, 495, 100, 9_980));
        assert_eq!(taken(SECOND), (0, 0, 0, 0));
        assert_eq!(taken(3 * SECOND), (0, 100, 8_000, 9_980));
        assert_eq!(taken(11 * SECOND), (0, 400, 2_000, 9_980));
        assert_eq!(taken(1_000 * SECOND), (5, 495, 100, 9_980));
        let other = rates.take_at(rates.secret.hash_one("b"), 50, 1_000 * SECOND);
        assert_eq!(other, Took::Steady, "another key");
    }

    #[test]
    fn a_million_networks_take_no_room_and_limit_nobody_who_is_within_their_rate() {
        let rates = Rates::new();
        let before = rates.places.len();
        let flood: Vec<u64> = (0..100).map(|number| rates.secret.hash_one(("flood", number))).collect();
        let mut refused = 0;
        for number in 0..1_000_000_u64 {
            // A million strangers within a minute, once each, beside a hundred networks that flood.
            let now_us = number * 60;
            if rates.take_at(rates.secret.hash_one(number), 100, now_us) != Took::Steady {
                refused += 1;
            }
            for _ in 0..2 {
                rates.take_at(flood[(number % 100) as usize], 100, now_us);
            }
        }
        assert_eq!((refused, rates.places.len()), (0, before));
        let flooded =
            flood.iter().filter(|hash| !rates.take_at(**hash, 100, 60 * SECOND).is_within()).count();
        assert!(flooded > 90, "only {flooded} of the hundred are limited");
    }
}
