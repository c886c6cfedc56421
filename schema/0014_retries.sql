-- Batches that their browser had sent before, as long as another collector may bring the first of them. README.md in this
-- folder describes every column.
CREATE TABLE retries
(
    batch_id          UUID,
    site_id           LowCardinality(String),
    consent_id        UInt64,
    visitor_id        UInt64,
    first_visitor_id  UInt64,
    view_id           UInt64,
    first_ts          DateTime64(3, 'UTC'),
    last_ts           DateTime64(3, 'UTC'),
    noted             DateTime('UTC'),
    expires           Date
)
ENGINE = MergeTree
ORDER BY batch_id
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480
