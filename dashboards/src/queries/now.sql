-- Visitors of the last {minutes} minutes.
SELECT uniqExact(visitor_id) AS visitors
FROM events
WHERE site_id = {site:String}
  AND ts >= fromUnixTimestamp64Milli({now:Int64}, 'UTC') - toIntervalMinute({minutes:UInt8})
  AND ts <= fromUnixTimestamp64Milli({now:Int64}, 'UTC') + INTERVAL 1 MINUTE
