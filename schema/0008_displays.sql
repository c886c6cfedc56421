-- How often the collector served the banner's texts, by site, hour, revision and language. Nothing about who asked.
CREATE TABLE displays
(
    site_id     LowCardinality(String),
    hour        DateTime('UTC') CODEC(Delta, ZSTD(1)),
    revision    UInt32 CODEC(ZSTD(1)),
    language    LowCardinality(String),
    count       UInt64 CODEC(ZSTD(1)),
    segment_id  UInt64 CODEC(ZSTD(1)),
    expires     Date CODEC(ZSTD(1))
)
ENGINE = SummingMergeTree(count)
PARTITION BY toYYYYMM(hour)
ORDER BY (site_id, hour, revision, language, segment_id)
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480,
    non_replicated_deduplication_window = 10000
