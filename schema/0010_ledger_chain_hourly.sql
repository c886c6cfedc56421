-- The same of their links.
ALTER TABLE ledger_chain
    UPDATE segment_id = 0
    WHERE kind = 'hourly' AND segment_id != 0
