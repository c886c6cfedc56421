-- Copies of events that another segment brought too: they are removed from `events`, where the other's stay. README.md in
-- this folder describes every column.
CREATE TABLE doubles
(
    segment_id  UInt64,
    site_id     LowCardinality(String),
    consent_id  UInt64,
    view_id     UInt64,
    seq         UInt32,
    first_ts    DateTime64(3, 'UTC'),
    last_ts     DateTime64(3, 'UTC'),
    found       DateTime('UTC'),
    expires     Date
)
ENGINE = MergeTree
ORDER BY (segment_id, consent_id, view_id, seq)
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480
