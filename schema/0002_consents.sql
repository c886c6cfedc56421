-- One row per decision, appended and never changed. A refusal's row holds hour, revision and text hash, and nothing
-- about the person. README.md in this folder describes every column.
CREATE TABLE consents
(
    site_id     LowCardinality(String),
    ts          DateTime('UTC') CODEC(Delta, ZSTD(1)),
    action      LowCardinality(String),
    consent_id  UInt64 CODEC(ZSTD(1)),
    granted     Array(LowCardinality(String)),
    denied      Array(LowCardinality(String)),
    revision    UInt32 CODEC(ZSTD(1)),
    text_hash   LowCardinality(String),
    language    LowCardinality(String),
    surface     LowCardinality(String),
    withdraws   UInt64 CODEC(ZSTD(1)),
    segment_id  UInt64 CODEC(ZSTD(1)),
    sample      UInt8 CODEC(ZSTD(1)),
    expires     Date CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (site_id, ts, action, consent_id)
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480,
    non_replicated_deduplication_window = 10000
