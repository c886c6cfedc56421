//! Every reason for which something a browser sent is not taken. A closed list: each has one status, one label and one
//! sentence, and every received event ends in exactly one counter.

/// An expected refusal; faults of our own are errors of their modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// The body is not the JSON that `wire` describes.
    #[error("The body is not a batch as this collector reads it.")]
    NotJson,
    /// The body is larger than its limit.
    #[error("The body is larger than this collector takes.")]
    TooLarge,
    /// The content type is neither JSON nor plain text.
    #[error("The content type must be application/json or text/plain.")]
    UnsupportedMedia,
    /// A version of the protocol that this build does not speak.
    #[error("This version of the protocol is not spoken here.")]
    UnsupportedVersion,
    /// No site of that name is configured here.
    #[error("No site of that name is configured here.")]
    UnknownSite,
    /// The page's host or the request's origin is not one of the site's hosts.
    #[error("The page is not on a host of this site.")]
    ForeignOrigin,
    /// A host that is answered and not stored.
    #[error("This host is for tests; nothing of it is stored.")]
    TestHost,
    /// The batch holds no event.
    #[error("The batch holds no event.")]
    NoEvents,
    /// The batch holds more events than the limit.
    #[error("The batch holds more events than one batch may.")]
    TooManyEvents,
    /// No consent cookie, or one without a grant.
    #[error("No consent came with this batch.")]
    NoReceipt,
    /// The consent cookie's signature does not hold.
    #[error("The consent that came with this batch was not given here.")]
    ForgedReceipt,
    /// The consent has expired.
    #[error("The consent that came with this batch has expired.")]
    ExpiredReceipt,
    /// The consent was given for an earlier declaration.
    #[error("The consent that came with this batch is for an earlier declaration.")]
    OutdatedReceipt,
    /// The consent was withdrawn.
    #[error("The consent that came with this batch was withdrawn.")]
    WithdrawnReceipt,
    /// The consent does not cover the event's category.
    #[error("The consent that came with this batch does not allow this.")]
    NotGranted,
    /// The sender says that it is not a person.
    #[error("Robots are not counted.")]
    Robot,
    /// The event is older than the limit.
    #[error("The event is older than this collector takes.")]
    AbsurdTime,
    /// The event reports more time than passed.
    #[error("The event reports more time than can have passed.")]
    AbsurdDuration,
    /// The decision names a category that the site does not have.
    #[error("The decision names a category that this site does not have.")]
    UnknownCategory,
    /// The decision names a service that the site does not have in that category.
    #[error("The decision names a service that this site does not have in that category.")]
    UnknownService,
    /// The decision asks for something that the site does not offer.
    #[error("The decision asks for something that this site does not offer.")]
    NotOffered,
    /// The site asks for an age, and the decision grants without one.
    #[error("This site takes consent from visitors who said to be of age.")]
    AgeNotStated,
    /// The decision says one thing and lists another.
    #[error("The decision says one thing and lists another.")]
    ContradictoryDecision,
    /// The form's token is missing or stale.
    #[error("The form is too old. Open the page again and repeat the choice.")]
    StaleForm,
    /// The body took longer than a body may.
    #[error("The body did not arrive in time.")]
    SlowBody,
    /// The sender hung up before the whole body was here. Nobody hears this answer.
    #[error("The rest of the body did not come.")]
    Aborted,
    /// The sender's network sent more to this site than one network may.
    #[error("Too much comes from this network at the moment. Try again later.")]
    TooManyRequests,
    /// More is under way than the collector works on at once.
    #[error("The collector has too much to do at the moment. Try again later.")]
    Overloaded,
    /// The spool is full or cannot be written.
    #[error("The collector cannot keep anything at the moment. Try again later.")]
    Unavailable,
}

impl Rejection {
    /// Every reason, for tests and the documentation.
    pub const ALL: [Rejection; 29] = [
        Rejection::NotJson,
        Rejection::TooLarge,
        Rejection::UnsupportedMedia,
        Rejection::UnsupportedVersion,
        Rejection::UnknownSite,
        Rejection::ForeignOrigin,
        Rejection::TestHost,
        Rejection::NoEvents,
        Rejection::TooManyEvents,
        Rejection::NoReceipt,
        Rejection::ForgedReceipt,
        Rejection::ExpiredReceipt,
        Rejection::OutdatedReceipt,
        Rejection::WithdrawnReceipt,
        Rejection::NotGranted,
        Rejection::Robot,
        Rejection::AbsurdTime,
        Rejection::AbsurdDuration,
        Rejection::UnknownCategory,
        Rejection::UnknownService,
        Rejection::NotOffered,
        Rejection::AgeNotStated,
        Rejection::ContradictoryDecision,
        Rejection::StaleForm,
        Rejection::SlowBody,
        Rejection::Aborted,
        Rejection::TooManyRequests,
        Rejection::Overloaded,
        Rejection::Unavailable,
    ];

    /// The label of the metric, the column `reason` and the answer's `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Rejection::NotJson => "not_json",
            Rejection::TooLarge => "too_large",
            Rejection::UnsupportedMedia => "unsupported_media",
            Rejection::UnsupportedVersion => "unsupported_version",
            Rejection::UnknownSite => "unknown_site",
            Rejection::ForeignOrigin => "foreign_origin",
            Rejection::TestHost => "test_host",
            Rejection::NoEvents => "no_events",
            Rejection::TooManyEvents => "too_many_events",
            Rejection::NoReceipt => "no_receipt",
            Rejection::ForgedReceipt => "forged_receipt",
            Rejection::ExpiredReceipt => "expired_receipt",
            Rejection::OutdatedReceipt => "outdated_receipt",
            Rejection::WithdrawnReceipt => "withdrawn_receipt",
            Rejection::NotGranted => "not_granted",
            Rejection::Robot => "robot",
            Rejection::AbsurdTime => "absurd_time",
            Rejection::AbsurdDuration => "absurd_duration",
            Rejection::UnknownCategory => "unknown_category",
            Rejection::UnknownService => "unknown_service",
            Rejection::NotOffered => "not_offered",
            Rejection::AgeNotStated => "age_not_stated",
            Rejection::ContradictoryDecision => "contradictory_decision",
            Rejection::StaleForm => "stale_form",
            Rejection::SlowBody => "slow_body",
            Rejection::Aborted => "aborted",
            Rejection::TooManyRequests => "too_many_requests",
            Rejection::Overloaded => "overloaded",
            Rejection::Unavailable => "unavailable",
        }
    }

    /// The HTTP status that tells the browser.
    pub const fn status(self) -> u16 {
        match self {
            Rejection::TooLarge => 413,
            Rejection::UnsupportedMedia => 415,
            Rejection::ForeignOrigin
            | Rejection::NoReceipt
            | Rejection::ForgedReceipt
            | Rejection::ExpiredReceipt
            | Rejection::OutdatedReceipt
            | Rejection::WithdrawnReceipt
            | Rejection::NotGranted
            | Rejection::AgeNotStated
            | Rejection::StaleForm => 403,
            Rejection::Robot | Rejection::TestHost => 202,
            Rejection::SlowBody | Rejection::Aborted => 408,
            Rejection::TooManyRequests => 429,
            Rejection::Overloaded | Rejection::Unavailable => 503,
            Rejection::NotJson
            | Rejection::UnsupportedVersion
            | Rejection::UnknownSite
            | Rejection::NoEvents
            | Rejection::TooManyEvents
            | Rejection::AbsurdTime
            | Rejection::AbsurdDuration
            | Rejection::UnknownCategory
            | Rejection::UnknownService
            | Rejection::NotOffered
            | Rejection::ContradictoryDecision => 422,
        }
    }

    /// After how many seconds the sender may try again, where that can help.
    pub const fn retry_after_s(self) -> Option<u16> {
        match self {
            Rejection::Unavailable => Some(30),
            Rejection::TooManyRequests | Rejection::Overloaded => Some(5),
            _ => None,
        }
    }

    /// Whether the cookies that came along are of no more use and should be expired.
    pub const fn ends_consent(self) -> bool {
        matches!(self, Rejection::ForgedReceipt | Rejection::ExpiredReceipt | Rejection::WithdrawnReceipt)
    }
}

#[cfg(test)]
mod tests {
    use super::Rejection;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_label_of_its_own_and_a_sentence() {
        let labels: HashSet<_> = Rejection::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), Rejection::ALL.len());
        for reason in Rejection::ALL {
            assert!(reason.to_string().ends_with('.'), "{reason:?}");
            assert!(matches!(reason.status(), 202 | 403 | 408 | 413 | 415 | 422 | 429 | 503), "{reason:?}");
        }
    }
}
