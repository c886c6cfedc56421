//! One thing that happened on a page, as the tracker tells it.

/// One event of a batch. `seq` identifies it within its page view.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// Counts the events of one page view from 1 upwards.
    pub seq: u32,
    /// What happened.
    pub kind: EventKind,
    /// Milliseconds between the event and the sending of the batch. Ages, because browsers' clocks cannot be trusted.
    /// At most [`crate::limits::AGE_MS_MAX`].
    pub age_ms: u32,
    /// Engagement only: milliseconds that the page was visible since the last report.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub visible_ms: Option<u32>,
    /// Engagement only: milliseconds that the page was visible *and* focused since the last report.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub engaged_ms: Option<u32>,
}

/// The kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum EventKind {
    /// A page was opened.
    View,
    /// Time spent on the page since the last report.
    Engagement,
}

impl EventKind {
    /// The name on the wire and in the column `kind`.
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::View => "view",
            EventKind::Engagement => "engagement",
        }
    }

    /// The category that a receipt must grant before an event of this kind is stored.
    pub const fn category(self) -> &'static str {
        match self {
            EventKind::View | EventKind::Engagement => "analytics",
        }
    }
}
