-- One link per row of `consents`: the salted commitment to the row and the hash that chains it to the link before. Holds
-- nothing of the row itself, and stays when the row is lawfully deleted. README.md in this folder describes every column.
CREATE TABLE ledger_chain
(
    site_id     LowCardinality(String),
    day         Date CODEC(Delta, ZSTD(1)),
    kind        LowCardinality(String),
    collector   UInt64 CODEC(ZSTD(1)),
    chain       UInt64 CODEC(ZSTD(1)),
    seq         UInt32 CODEC(Delta, ZSTD(1)),
    former      String CODEC(ZSTD(1)),
    commitment  String CODEC(ZSTD(1)),
    link        String CODEC(ZSTD(1)),
    segment_id  UInt64 CODEC(ZSTD(1)),
    expires     Date CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (site_id, day, kind, chain, seq)
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480,
    non_replicated_deduplication_window = 10000
