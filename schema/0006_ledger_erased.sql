-- Commitments of ledger rows that were erased because their visitor asked: why a link has no row before its time is over.
-- README.md in this folder describes every column.
CREATE TABLE ledger_erased
(
    commitment  String CODEC(ZSTD(1)),
    erased      Date CODEC(ZSTD(1)),
    expires     Date CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY commitment
TTL expires
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480
