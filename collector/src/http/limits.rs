//! What is taken in at once, and how much from one network.
//!
//! In: the sender of a request. Out: a place among the requests that are worked on, or a refusal that costs next to
//! nothing. Invariants: a decision that refuses or takes something back is never refused for its sender's rate; of refusals that come
//! as a flood no more is kept than of grants; an address that is this machine's or a proxy's is nobody's, and never limited
//! as one.

use super::asking::Asking;
use super::client_ip::Client;
use super::held::Held;
use super::rate::{Rates, Took};
use super::seats::{Seat, Seats};
use crate::Collector;
use crate::config::Site;
use crate::pipeline::{Rejection, TruncatedIp};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wire::HexId;

/// The counters of what is under way.
pub struct Limits {
    rates: Rates,
    under_way: Arc<AtomicUsize>,
    /// Requests whose bodies are waited for.
    waiting: Arc<Seats>,
    /// Batches of rushes.
    rushing: Arc<Seats>,
    pub(super) asking: Asking,
    pub(super) held: Held,
}

/// The network that a request comes from; none where it cannot be told.
#[derive(Clone, Copy)]
pub(crate) struct Sender(Option<TruncatedIp>);

/// A request that is worked on, until it is dropped.
pub(super) struct UnderWay(Arc<AtomicUsize>);

/// Where a request goes whose body is not there yet, or that is one of a rush.
pub(super) struct WaitingRoom {
    under_way: Arc<AtomicUsize>,
    seats: Arc<Seats>,
    sender: Sender,
}

/// A batch of a rush, which waits for its turn, or a moment, before it is read.
pub(super) struct Rush {
    room: WaitingRoom,
    moment: Duration,
}

/// A request that waits: meanwhile it is not worked on.
pub(super) struct Waiting {
    under_way: Arc<AtomicUsize>,
    _seat: Seat,
}

/// So many times as many batches of rushes wait as requests are worked on at once; of one network as many.
const RUSHING: usize = 2;
/// A site keeps so many times as many refusals as one network may grant.
const REFUSALS_OF_ALL: u32 = 10;
/// How often in a second a part of one consent is taken back where its network grants too much, and ten times in one go.
const NARROWINGS_PER_SECOND: u32 = 1;

#[derive(Clone, Copy, Hash)]
enum Kind {
    Batch,
    Grant,
    Narrowing,
    Refusal,
    Page,
}

impl Limits {
    /// For so many requests at once, as many whose bodies are waited for, and twice as many of rushes.
    pub fn new(requests_max: usize) -> Limits {
        Limits {
            rates: Rates::new(),
            under_way: Arc::default(),
            waiting: Seats::new(requests_max),
            rushing: Seats::new(RUSHING * requests_max),
            asking: Asking::new(),
            held: Held::default(),
        }
    }

    /// Begins a request; `None` where enough are under way.
    pub(super) fn begin(&self, requests_max: usize) -> Option<UnderWay> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let begun = UnderWay(Arc::clone(&self.under_way));
        (before < requests_max).then_some(begun)
    }

    /// Keeps a refusal back for a moment, where it is one of a flood.
    pub(super) async fn hold(&self) {
        self.held.refusal(&self.rates).await;
    }

    fn room(&self, seats: &Arc<Seats>, sender: Sender) -> WaitingRoom {
        WaitingRoom { under_way: Arc::clone(&self.under_way), seats: Arc::clone(seats), sender }
    }

    /// Where this sender's request would wait for its body.
    pub(super) fn waiting_room(&self, sender: Sender) -> WaitingRoom {
        self.room(&self.waiting, sender)
    }
}

impl Rush {
    /// Waits. Where enough do, a batch is worked on at once: it is within what its network may send.
    pub(super) async fn wait(self, held: &Held) {
        if let Some(_waiting) = self.room.enter() {
            held.count_rush();
            tokio::time::sleep(self.moment).await;
        }
    }
}

impl WaitingRoom {
    /// Begins to wait; `None` where enough do.
    pub(super) fn enter(&self) -> Option<Waiting> {
        let seat = self.seats.take(self.sender.0)?;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        Some(Waiting { under_way: Arc::clone(&self.under_way), _seat: seat })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }
}

impl Sender {
    /// Who sends, and what is kept of the address.
    pub(super) fn of(client: Client) -> (TruncatedIp, Sender) {
        let address = client.address.truncate();
        let ours = client.is_proxy || address.is_of_this_machine();
        (address, Sender((!ours).then_some(address)))
    }

    /// Counts a batch, of which no more is known yet than the site of the page that sends it; where it is one of a rush,
    /// what it has to wait for.
    ///
    /// # Errors
    /// [`Rejection::TooManyRequests`].
    pub(super) fn batch(self, collector: &Collector, site: &str) -> Result<Option<Rush>, Rejection> {
        let (limits, per_second) = (&collector.limits, collector.config.listen.rate.batches_per_second);
        match self.take(collector, Kind::Batch, site, per_second) {
            Took::Steady => Ok(None),
            Took::Rush(turn) => {
                Ok(Some(Rush { room: limits.room(&limits.rushing, self), moment: Held::rush(turn) }))
            }
            Took::Beyond => Err(Rejection::TooManyRequests),
        }
    }

    /// Counts a page that has the store asked. See [`super::asking`].
    ///
    /// # Errors
    /// [`Rejection::TooManyRequests`].
    pub(super) fn page(self, collector: &Collector, site: &Site) -> Result<(), Rejection> {
        let per_second = collector.config.listen.rate.pages_per_second;
        match self.is_within(collector, Kind::Page, site.id.as_str(), per_second) {
            true => Ok(()),
            false => Err(Rejection::TooManyRequests),
        }
    }

    /// One of these seats.
    pub(super) fn seat(self, seats: &Arc<Seats>) -> Option<Seat> {
        seats.take(self.0)
    }

    fn is_within(self, collector: &Collector, kind: Kind, site: &str, per_second: u32) -> bool {
        self.take(collector, kind, site, per_second).is_within()
    }

    fn take(self, collector: &Collector, kind: Kind, site: &str, per_second: u32) -> Took {
        let take = |network| collector.limits.rates.take((network, site, kind), per_second);
        self.0.map_or(Took::Steady, take)
    }

    /// Counts a decision that grants something and takes nothing back.
    ///
    /// # Errors
    /// [`Rejection::TooManyRequests`].
    pub(super) fn grant(self, collector: &Collector, site: &Site) -> Result<(), Rejection> {
        let per_second = collector.config.listen.rate.grants_per_second;
        match self.is_within(collector, Kind::Grant, site.id.as_str(), per_second) {
            true => Ok(()),
            false => Err(Rejection::TooManyRequests),
        }
    }

    /// Counts a decision that takes a part back from a consent that goes on. Where its network grants too much, or the spool
    /// is full of all but what ends a consent, each consent has a rate of its own: unlike an end it can come without end.
    ///
    /// # Errors
    /// [`Rejection::TooManyRequests`].
    pub(super) fn narrowing(
        self,
        collector: &Collector,
        site: &Site,
        consent: HexId,
        is_full: bool,
    ) -> Result<(), Rejection> {
        if !is_full && self.grant(collector, site).is_ok() {
            return Ok(());
        }
        let key = (site.id.as_str(), consent.0, Kind::Narrowing);
        match collector.limits.rates.take(key, NARROWINGS_PER_SECOND).is_within() {
            true => Ok(()),
            false => Err(Rejection::TooManyRequests),
        }
    }

    /// Counts a refusal that ends no consent; whether the ledger keeps a row of it. It is honoured either way: nothing is
    /// asked of such a row but to be counted, and without a bound a flood of them would fill the disk.
    pub(super) fn keeps_refusal(self, collector: &Collector, site: &Site) -> bool {
        let per_second = collector.config.listen.rate.grants_per_second;
        let of_all = per_second.saturating_mul(REFUSALS_OF_ALL);
        self.is_within(collector, Kind::Refusal, site.id.as_str(), per_second)
            && collector.limits.rates.take((site.id.as_str(), Kind::Refusal), of_all).is_within()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ListenOptions;
    use crate::http::client_ip::client_ip;
    use crate::pipeline::ClientIp;
    use axum::http::HeaderValue;

    #[test]
    fn enough_under_way_is_enough_and_who_waits_for_a_body_is_not_worked_on() {
        let limits = Limits::new(4);
        let flooder = Sender(Some(ClientIp::new("192.0.2.1".parse().unwrap()).truncate()));
        let begin = || limits.begin(2);
        let (one, other) = (begin().unwrap(), begin().unwrap());
        assert!(begin().is_none());
        let waits = limits.waiting_room(flooder).enter().unwrap();
        let third = begin().unwrap();
        drop(waits);
        assert!(begin().is_none(), "its body came");
        drop((one, other, third));
        assert_eq!(limits.under_way.load(Ordering::Relaxed), 0);

        let room = limits.waiting_room(flooder);
        let _waiting = [room.enter().unwrap(), room.enter().unwrap()];
        assert!(room.enter().is_none(), "half of the places are the most for one network");
        assert!(limits.waiting_room(Sender(None)).enter().is_some());
    }

    #[test]
    fn an_address_that_is_ours_is_nobodys() {
        let listen = ListenOptions {
            trusted_proxies: ["10.0.0.0/8", "192.0.2.10/32", "198.51.100.0/28"]
                .map(|network| network.parse().unwrap())
                .to_vec(),
            ..ListenOptions::default()
        };
        let sent = |peer: &str, header: Option<&'static str>, expected: bool| {
            let value = header.map(HeaderValue::from_static);
            let headers = value.map(|value| (listen.client_ip_header.clone(), value)).into_iter().collect();
            let (_, sender) = Sender::of(client_ip(peer.parse().unwrap(), &headers, &listen));
            assert_eq!(sender.0.is_some(), expected, "{peer} {header:?}");
        };
        let check = |peer, expected| sent(peer, None, expected);
        check("192.0.2.1", true);
        check("2001:db8::1", true);
        check("10.1.2.3", false);
        check("192.0.2.10", false);
        check("198.51.100.7", false);
        check("198.51.100.77", true);
        check("127.0.0.1", false);
        check("::1", false);
        check("::ffff:127.0.0.1", false);
        // Neighbours of a proxy are visitors, also where it names them itself.
        check("192.0.2.11", true);
        sent("192.0.2.10", Some("192.0.2.11"), true);
        sent("192.0.2.10", Some("192.0.2.11, 10.1.2.3"), true);
        sent("192.0.2.10", Some("198.51.100.77"), true);
        sent("192.0.2.10", Some("nobody"), false);
        sent("192.0.2.10", Some("10.1.2.3"), false);
    }
}
