-- What was not taken since {start}, by reason.
SELECT reason AS reason, sum(count) AS times
FROM rejections
WHERE site_id = {site:String} AND hour >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
GROUP BY reason
ORDER BY times DESC, reason
LIMIT 20
