-- One row per event that a live receipt allowed. README.md in this folder describes every column.
CREATE TABLE events
(
    site_id          LowCardinality(String),
    ts               DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    kind             LowCardinality(String),
    visitor_id       UInt64 CODEC(ZSTD(1)),
    visit_id         UInt64 CODEC(ZSTD(1)),
    view_id          UInt64 CODEC(ZSTD(1)),
    seq              UInt32 CODEC(Delta, ZSTD(1)),
    host             LowCardinality(String),
    path             String CODEC(ZSTD(1)),
    title            String CODEC(ZSTD(1)),
    source           LowCardinality(String),
    channel          LowCardinality(String),
    referrer_host    LowCardinality(String),
    referrer_path    String CODEC(ZSTD(1)),
    utm_source       LowCardinality(String),
    utm_medium       LowCardinality(String),
    utm_campaign     LowCardinality(String),
    utm_term         LowCardinality(String),
    utm_content      LowCardinality(String),
    country          LowCardinality(String),
    region           LowCardinality(String),
    city             LowCardinality(String),
    place_from       LowCardinality(String),
    browser          LowCardinality(String),
    browser_version  LowCardinality(String),
    os               LowCardinality(String),
    device           LowCardinality(String),
    language         LowCardinality(String),
    viewport_width   UInt16 CODEC(ZSTD(1)),
    visible_ms       UInt32 CODEC(ZSTD(1)),
    engaged_ms       UInt32 CODEC(ZSTD(1)),
    ip_truncated     IPv6 CODEC(ZSTD(1)) TTL ip_expires,
    consent_id       UInt64 CODEC(ZSTD(1)),
    segment_id       UInt64 CODEC(ZSTD(1)),
    sample           UInt8 CODEC(ZSTD(1)),
    expires          Date CODEC(ZSTD(1)),
    ip_expires       Date CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (site_id, toDate(ts, 'UTC'), kind, visitor_id, ts, visit_id, seq)
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480,
    non_replicated_deduplication_window = 10000
