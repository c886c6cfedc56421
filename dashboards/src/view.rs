//! An address at a moment: which days, which buckets, compared with which.
//!
//! In: an [`Address`], the site and the clock's reading. Out: a [`View`], from which every question of a page or of the
//! API takes its scope. Pure but for the one question that "all time" needs, which the caller asks.

use crate::Site;
use crate::address::Address;
use crate::filter::Filter;
use crate::period::{Period, Span};
use crate::questions::Scope;
use crate::series::{Bucket, Interval, buckets};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// What is shown, with every choice resolved.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The choices.
    pub address: Address,
    /// The site.
    pub site: &'a Site,
    /// The moment, in the site's time zone.
    pub now: Zoned,
    /// The period.
    pub span: Span,
    /// What it is compared with, whole.
    pub before: Option<Span>,
    /// The width of a bucket.
    pub interval: Interval,
    /// The period in buckets.
    pub buckets: Vec<Bucket>,
    /// The earlier period in buckets.
    pub before_buckets: Vec<Bucket>,
}

impl<'a> View<'a> {
    /// Resolves an address. `earliest` is needed for [`Period::All`] only.
    pub fn new(address: Address, site: &'a Site, now: Timestamp, earliest: Option<Date>) -> View<'a> {
        let now = now.to_zoned(site.zone());
        let span = address.period.span(&now, earliest);
        let before = address.period.before(&span, address.comparison, &now);
        let fitting = Interval::fitting(&span);
        let wanted = address.interval.filter(|interval| fitting.contains(interval));
        let interval = wanted.unwrap_or_else(|| Interval::default_for(&span));
        let cut = |span: &Span| buckets(span, interval, now.time_zone());
        let before_buckets = before.as_ref().map(cut).unwrap_or_default();
        View { buckets: cut(&span), before_buckets, interval, before, span, now, site, address }
    }

    /// The scope of a question about the period.
    pub fn scope(&self) -> Scope<'_> {
        self.scope_of(&self.span)
    }

    /// The scope of a question about another span.
    pub fn scope_of<'s>(&'s self, span: &'s Span) -> Scope<'s> {
        Scope { site: &self.site.id, zone: self.zone_name(), span, filter: &self.address.filter }
    }

    /// As much of the earlier period as has passed of this one.
    pub fn before_until_now(&self) -> Option<Span> {
        self.before.as_ref().map(|before| before.cut_like(&self.span, &self.now))
    }

    /// The bucket that is still growing, if any.
    pub fn growing(&self) -> Option<usize> {
        let now = self.now.timestamp();
        self.buckets.iter().position(|bucket| bucket.start <= now && now < bucket.end)
    }

    /// How many buckets have begun.
    pub fn begun(&self) -> usize {
        let now = self.now.timestamp();
        self.buckets.partition_point(|bucket| bucket.start <= now)
    }

    /// The name of the time zone that everything is shown in.
    pub fn zone_name(&self) -> &str {
        zone_name(self.now.time_zone())
    }

    /// Whether "all time" must first ask for the first day.
    pub fn needs_first_day(address: &Address) -> bool {
        address.period == Period::All
    }

    /// Whether conditions are set.
    pub fn filter(&self) -> &Filter {
        &self.address.filter
    }
}

fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}
