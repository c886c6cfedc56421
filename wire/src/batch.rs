//! What the tracker sends: one page view's worth of events, and what the collector answers.

use crate::{BatchId, Event, HexId};
use std::borrow::Cow;

/// The body of `POST /kruimel/events`. It never carries an address or a user agent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Batch<'a> {
    /// [`crate::VERSION`].
    pub v: u8,
    /// Chosen by the browser; the same with each retry.
    pub batch: BatchId,
    /// Whether it was sent before, and a collector may have it though no answer came that says so.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub retry: bool,
    /// The id of the site, the same as in the receipt.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub site: Cow<'a, str>,
    /// The page that the events belong to.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub page: Page<'a>,
    /// What the browser says of itself.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub client: Client<'a>,
    /// At most [`crate::limits::BATCH_EVENTS_MAX`], in the order they happened.
    pub events: Vec<Event>,
}

/// The page that was viewed. Longer texts than [`crate::limits`] allows are cut by the collector.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Page<'a> {
    /// Random id of this page view; its engagement carries the same.
    pub view: HexId,
    /// The host of the page, without port.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub host: Cow<'a, str>,
    /// The path of the page, without query and fragment.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub path: Cow<'a, str>,
    /// The title of the page.
    #[cfg_attr(feature = "serde", serde(borrow, default))]
    pub title: Cow<'a, str>,
    /// `document.referrer`, without query and fragment; empty if there is none.
    #[cfg_attr(feature = "serde", serde(borrow, default))]
    pub referrer: Cow<'a, str>,
    /// The campaign parameters of the address; no other parameter leaves the browser.
    #[cfg_attr(feature = "serde", serde(borrow, default))]
    pub campaign: Campaign<'a>,
}

/// The five `utm_` parameters. Empty when absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Campaign<'a> {
    /// `utm_source`
    #[cfg_attr(feature = "serde", serde(borrow, skip_serializing_if = "str::is_empty"))]
    pub source: Cow<'a, str>,
    /// `utm_medium`
    #[cfg_attr(feature = "serde", serde(borrow, skip_serializing_if = "str::is_empty"))]
    pub medium: Cow<'a, str>,
    /// `utm_campaign`
    #[cfg_attr(feature = "serde", serde(borrow, skip_serializing_if = "str::is_empty"))]
    pub name: Cow<'a, str>,
    /// `utm_term`
    #[cfg_attr(feature = "serde", serde(borrow, skip_serializing_if = "str::is_empty"))]
    pub term: Cow<'a, str>,
    /// `utm_content`
    #[cfg_attr(feature = "serde", serde(borrow, skip_serializing_if = "str::is_empty"))]
    pub content: Cow<'a, str>,
}

/// What the browser says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Client<'a> {
    /// The visit, made by the tracker: 30 minutes of inactivity begin another.
    pub visit: HexId,
    /// The first preferred language, such as `nl-BE`.
    #[cfg_attr(feature = "serde", serde(borrow, default))]
    pub language: Cow<'a, str>,
    /// The IANA time zone, such as `Europe/Brussels`. Only the country is derived from it; the zone is not stored.
    #[cfg_attr(feature = "serde", serde(borrow, default))]
    pub time_zone: Cow<'a, str>,
    /// Width of the window's inside, in CSS pixels.
    #[cfg_attr(feature = "serde", serde(default))]
    pub viewport_width: u16,
    /// Points that a touch screen can tell apart; more than one tells an iPad from a Mac.
    #[cfg_attr(feature = "serde", serde(default))]
    pub touch_points: u8,
}

/// The body of a `202`: every event of the batch is in one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BatchAnswer {
    /// Events that are on disk.
    pub accepted: u32,
    /// Events that are not, and why.
    pub rejected: Vec<RejectedEvent>,
}

/// One event that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RejectedEvent {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// The reason, as in the metric's label and the column `reason`.
    pub reason: String,
}
