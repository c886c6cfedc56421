-- Every event between {start} and {end}. With filters, only those of matching visits (filter.rs appends the condition).
SELECT *
FROM events
WHERE site_id = {site:String}
  AND ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND ts < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
