//! How many connections there may be: in all, and from one network.
//!
//! In: the network of a connection, unless it is a proxy's. Out: a [`Seat`], or none. Invariant: one network alone never
//! holds more than half, so that there is always room for others; networks are known here only while a connection of
//! theirs is open, and only truncated.

use collector::pipeline::{ClientIp, TruncatedIp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Every seat of a listener.
pub(super) struct Seats {
    max: usize,
    taken: Mutex<Taken>,
    notice: watch::Sender<Notice>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_network: HashMap<TruncatedIp, usize>,
}

/// What every connection is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Notice {
    /// Seats are scarce: whoever is idle leaves.
    pub(super) crowded: bool,
    /// Finish what is under way, and close.
    pub(super) stopping: bool,
    /// Close now.
    pub(super) cut: bool,
}

/// One connection's place, until it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    network: Option<TruncatedIp>,
    pub(super) notice: watch::Receiver<Notice>,
}

impl Seats {
    pub(super) fn new(max: usize) -> Arc<Seats> {
        Arc::new(Seats { max, taken: Mutex::default(), notice: watch::Sender::new(Notice::default()) })
    }

    /// A seat, if there is one for this network; proxies have none, because they speak for many.
    pub(super) fn take(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Seat> {
        let network = peer.map(|address| ClientIp::new(address).truncate());
        self.with(|taken| {
            if taken.all >= self.max {
                return None;
            }
            if let Some(network) = network {
                let held = taken.by_network.entry(network).or_default();
                if *held >= self.max / 2 {
                    return None;
                }
                *held += 1;
            }
            taken.all += 1;
            self.tell_crowded(taken.all);
            Some(())
        })?;
        Some(Seat { seats: Arc::clone(self), network, notice: self.notice.subscribe() })
    }

    /// Every connection finishes what is under way and closes.
    pub(super) fn stop(&self) {
        self.notice.send_modify(|notice| notice.stopping = true);
    }

    /// Every connection ends now.
    pub(super) fn cut(&self) {
        self.notice.send_modify(|notice| notice.cut = true);
    }

    /// Crowded from three quarters on, until half of the seats are free: it does not change to and fro.
    fn tell_crowded(&self, taken: usize) {
        self.notice.send_if_modified(|notice| {
            let before = notice.crowded;
            notice.crowded = taken * 4 >= self.max * 3 || (before && taken * 2 > self.max);
            notice.crowded != before
        });
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
            self.seats.tell_crowded(taken.all);
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

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn one_network_never_holds_more_than_half_and_a_full_house_takes_nobody() {
        let seats = Seats::new(8);
        let take = |peer| seats.take(peer);
        let flood: Vec<Seat> =
            (1..=4).map(|host| take(address(&format!("192.0.2.{host}"))).unwrap()).collect();
        assert!(take(address("192.0.2.200")).is_none());
        let others: Vec<Seat> =
            (1..=2).map(|net| take(address(&format!("198.51.{net}.1"))).unwrap()).collect();
        assert!(seats.notice.borrow().crowded);
        let proxy: Vec<Seat> = (1..=2).map(|_| take(None).unwrap()).collect();
        assert!(take(None).is_none() && take(address("203.0.113.1")).is_none(), "full");
        drop(proxy);
        drop(others);
        assert!(!seats.notice.borrow().crowded);
        drop(flood);
        assert_eq!(seats.with(|taken| (taken.all, taken.by_network.len())), (0, 0), "nobody is remembered");
    }
}
