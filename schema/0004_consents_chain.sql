-- What the visitor saw, by hash, and the row's place in the chain of the ledger. README.md in this folder describes every column.
ALTER TABLE consents
    ADD COLUMN banner_hash       LowCardinality(String) DEFAULT '',
    ADD COLUMN declaration_hash  LowCardinality(String) DEFAULT '',
    ADD COLUMN domain            LowCardinality(String) DEFAULT '',
    ADD COLUMN chain             UInt64 DEFAULT 0 CODEC(ZSTD(1)),
    ADD COLUMN chain_seq         UInt32 DEFAULT 0 CODEC(Delta, ZSTD(1)),
    ADD COLUMN salt              String DEFAULT '' CODEC(ZSTD(1))
