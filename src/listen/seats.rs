//! The seats of a listener's connections, and what all of them are told.
//!
//! In: a peer's address, unless it is a proxy's. Out: a [`Place`], or none. Invariant: networks are known here only
//! while a connection of theirs is open, and only truncated.

use collector::http::{Seat, Seats};
use collector::pipeline::ClientIp;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Every seat of a listener.
pub(super) struct Hall {
    seats: Arc<Seats>,
    notice: watch::Sender<Notice>,
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
pub(super) struct Place {
    hall: Arc<Hall>,
    seat: Option<Seat>,
    pub(super) notice: watch::Receiver<Notice>,
}

impl Hall {
    pub(super) fn new(max: usize) -> Arc<Hall> {
        Arc::new(Hall { seats: Seats::new(max), notice: watch::Sender::new(Notice::default()) })
    }

    /// A place, if there is one for this peer's network; proxies have none, because they speak for many.
    pub(super) fn take(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Place> {
        let seat = self.seats.take(peer.map(|address| ClientIp::new(address).truncate()))?;
        self.tell_crowded();
        Some(Place { hall: Arc::clone(self), seat: Some(seat), notice: self.notice.subscribe() })
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
    fn tell_crowded(&self) {
        self.notice.send_if_modified(|notice| {
            let (taken, max, before) = (self.seats.taken(), self.seats.max(), notice.crowded);
            notice.crowded = taken * 4 >= max * 3 || (before && taken * 2 > max);
            notice.crowded != before
        });
    }
}

impl Place {
    /// Waits until it is told this.
    pub(super) async fn hears(&self, what: impl FnMut(&Notice) -> bool) {
        // A receiver of its own: what is seen here is still news to whoever serves the connection.
        _ = self.notice.clone().wait_for(what).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.seat.take());
        self.hall.tell_crowded();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_crowded_from_three_quarters_on_until_half_is_free() {
        let hall = Hall::new(8);
        let crowded = || hall.notice.borrow().crowded;
        let mut taken: Vec<Place> = (0..5).map(|_| hall.take(None).unwrap()).collect();
        assert!(!crowded());
        taken.push(hall.take(None).unwrap());
        assert!(crowded());
        taken.pop();
        assert!(crowded(), "it does not change to and fro");
        taken.pop();
        assert!(!crowded());
    }
}
