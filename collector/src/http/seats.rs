//! How many there may be at once of something that lasts: in all, and from one network.
//!
//! In: a truncated address, unless it speaks for many. Out: a [`Seat`], or none. Invariant: one network alone never holds
//! more than half, so that there is always room for others; a network is known here only while it holds a seat.

use crate::pipeline::TruncatedIp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Every seat of one kind.
pub struct Seats {
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_network: HashMap<TruncatedIp, usize>,
}

/// One place, until it is dropped.
pub struct Seat {
    seats: Arc<Seats>,
    network: Option<TruncatedIp>,
}

impl Seats {
    /// So many seats.
    pub fn new(max: usize) -> Arc<Seats> {
        Arc::new(Seats { max, taken: Mutex::default() })
    }

    /// A seat, if there is one for this network.
    pub fn take(self: &Arc<Self>, network: Option<TruncatedIp>) -> Option<Seat> {
        self.with(|taken| {
            if taken.all >= self.max {
                return None;
            }
            if let Some(network) = network {
                let held = taken.by_network.get(&network).copied().unwrap_or_default();
                if held >= self.max / 2 {
                    return None;
                }
                taken.by_network.insert(network, held + 1);
            }
            taken.all += 1;
            Some(Seat { seats: Arc::clone(self), network })
        })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.with(|taken| taken.all)
    }

    /// How many there are.
    pub fn max(&self) -> usize {
        self.max
    }

    fn with<T>(&self, work: impl FnOnce(&mut Taken) -> T) -> T {
        // A panic between two additions leaves a seat taken at worst.
        work(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.with(|taken| {
            taken.all -= 1;
            let Some(network) = self.network else { return };
            if let Some(held) = taken.by_network.get_mut(&network) {
                *held -= 1;
                if *held == 0 {
                    taken.by_network.remove(&network);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::ClientIp;

    fn network(text: &str) -> Option<TruncatedIp> {
        Some(ClientIp::new(text.parse().unwrap()).truncate())
    }

    #[test]
    fn one_network_never_holds_more_than_half_and_a_full_house_takes_nobody() {
        let seats = Seats::new(8);
        let flood: Vec<Seat> =
            (1..=4).map(|host| seats.take(network(&format!("192.0.2.{host}"))).unwrap()).collect();
        assert!(seats.take(network("192.0.2.200")).is_none());
        let others: Vec<Seat> =
            (1..=2).map(|net| seats.take(network(&format!("198.51.{net}.1"))).unwrap()).collect();
        let many: Vec<Seat> = (1..=2).map(|_| seats.take(None).unwrap()).collect();
        assert!(seats.take(None).is_none() && seats.take(network("203.0.113.1")).is_none(), "full");
        drop((flood, others, many));
        assert_eq!(seats.with(|taken| (taken.all, taken.by_network.len())), (0, 0), "nobody is remembered");
    }
}
