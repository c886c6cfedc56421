-- What the visitor saw, by hash, and the row's place in the chain of the ledger. README.md in this folder describes every column.
ALTER TABLE consents
    ADD COLUMN banner_hash       LowCardinality(String),
    ADD COLUMN declaration_hash  LowCardinality(String),
    ADD COLUMN domain            LowCardinality(String),
    ADD COLUMN chain             UInt64 CODEC(ZSTD(1)),
    ADD COLUMN chain_seq         UInt32 CODEC(Delta, ZSTD(1)),
    ADD COLUMN salt              String CODEC(ZSTD(1))
