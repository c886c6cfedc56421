//! Every limit that the browser and the collector share. Bytes unless the name says otherwise.

/// Largest request body of a batch. Chromium caps the bodies of all beacons in flight at 64 KiB together.
pub const BATCH_BYTES_MAX: usize = 60 * 1024;
/// Most events in one batch.
pub const BATCH_EVENTS_MAX: usize = 100;
/// Largest request body of a decision.
pub const DECISION_BYTES_MAX: usize = 8 * 1024;
/// Longest site id.
pub const SITE_ID_BYTES_MAX: usize = 40;
/// Longest host name, the limit of DNS (RFC 1035, section 2.3.4).
pub const HOST_BYTES_MAX: usize = 253;
/// Longest stored path. Longer ones are cut at a character's edge.
pub const PATH_BYTES_MAX: usize = 1_024;
/// Longest title of a page. Longer ones are cut.
pub const TITLE_BYTES_MAX: usize = 300;
/// Longest referring address. Longer ones are cut; only host and path are looked at.
pub const REFERRER_BYTES_MAX: usize = 1_024;
/// Longest value of one campaign parameter. Longer ones are cut.
pub const CAMPAIGN_BYTES_MAX: usize = 120;
/// Longest language tag (BCP 47 as browsers send it).
pub const LANGUAGE_BYTES_MAX: usize = 35;
/// Most language tags that are looked at to choose the texts.
pub const LANGUAGE_TAGS_MAX: usize = 32;
/// Longest name of an IANA time zone.
pub const TIME_ZONE_BYTES_MAX: usize = 48;
/// Longest name of a category or a service.
pub const NAME_BYTES_MAX: usize = 64;
/// Most categories a site may define.
pub const CATEGORIES_MAX: usize = 16;
/// Most services within one category.
pub const SERVICES_MAX: usize = 64;
/// Oldest event that is taken, in milliseconds before the request: a laptop may sleep for a day with a batch queued.
pub const AGE_MS_MAX: u32 = 24 * 60 * 60 * 1_000;
/// Longest time that one engagement event may report, in milliseconds.
pub const ENGAGEMENT_MS_MAX: u32 = 24 * 60 * 60 * 1_000;
/// Most events kept in the browser before the oldest batch is sent or, offline, given up.
pub const QUEUE_EVENTS_MAX: usize = 200;
/// How long the browser repeats an unanswered batch with the same id, in milliseconds.
pub const RETRY_MS_MAX: u32 = 10 * 60 * 1_000;
/// How long the collector remembers a batch id, in milliseconds: longer than any browser retries.
pub const BATCH_MEMORY_MS: u64 = 15 * 60 * 1_000;
/// How long a choice is kept by default, in days, the same for a grant and a refusal (CNIL 2020-092: six months).
pub const CHOICE_DAYS_DEFAULT: u16 = 182;
/// Idle time that ends a visit, in milliseconds.
pub const VISIT_IDLE_MS: u64 = 30 * 60 * 1_000;
