-- What stands at a place of which the store did not take the row or the link: a chain that goes on from it names it. README.md
-- in this folder describes every column.
ALTER TABLE ledger_aside ADD COLUMN link String CODEC(ZSTD(1))
