-- What visitors were shown, each under the SHA-256 of its content. README.md in this folder describes every column.
CREATE TABLE ledger_artefacts
(
    hash              String CODEC(ZSTD(1)),
    site_id           LowCardinality(String),
    kind              LowCardinality(String),
    language          LowCardinality(String),
    revision          UInt32,
    text_hash         String CODEC(ZSTD(1)),
    declaration_hash  String CODEC(ZSTD(1)),
    content           String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (site_id, hash)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 480
