-- When a link's row may be gone, and until when the chain before is kept: both are in the hashes, so that neither can be set
-- to another day unseen. README.md in this folder describes every column.
ALTER TABLE ledger_chain
    ADD COLUMN row_expires     Date DEFAULT toDate(0) CODEC(ZSTD(1)),
    ADD COLUMN former_expires  Date DEFAULT toDate(0) CODEC(ZSTD(1))
