-- Places in chains whose row the store did not take: their collector has it on disk, waiting or in quarantine. README.md in
-- this folder describes every column.
CREATE TABLE ledger_aside
(
    site_id  LowCardinality(String),
    day      Date CODEC(ZSTD(1)),
    chain    UInt64 CODEC(ZSTD(1)),
    seq      UInt32 CODEC(ZSTD(1)),
    noted    Date CODEC(ZSTD(1)),
    expires  Date CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (site_id, day, chain, seq)
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480
