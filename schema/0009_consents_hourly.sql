-- A row that keeps the hour alone names no segment: the events of the same segment would tell the second. Rows from before
-- the ledger was chained are found by their segment for a while after they were written, and lose it a day later.
ALTER TABLE consents
    UPDATE segment_id = 0
    WHERE consent_id = 0 AND segment_id != 0 AND (chain != 0 OR ts < now() - INTERVAL 1 DAY)
