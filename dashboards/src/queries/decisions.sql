-- Decisions per bucket. Each is one of three: it grants analytics, it takes a grant of analytics back, or neither.
SELECT
    multiIf(
        {interval:String} = 'hour', toInt64(toUnixTimestamp(toStartOfHour(c.ts, {zone:String}))),
        {interval:String} = 'week', toInt64(toMonday(toDate(c.ts, {zone:String}))),
        {interval:String} = 'month', toInt64(toStartOfMonth(toDate(c.ts, {zone:String}))),
        toInt64(toDate(c.ts, {zone:String}))) AS bucket,
    countIf(has(c.granted, 'analytics')) AS granted,
    countIf(NOT has(c.granted, 'analytics') AND c.action != 'withdraw' AND c.withdraws = 0) AS refused,
    countIf(NOT has(c.granted, 'analytics') AND (c.action = 'withdraw' OR c.withdraws != 0)) AS withdrawn,
    max(c.sample) AS sample
FROM consents AS c
WHERE c.site_id = {site:String}
  AND c.ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND c.ts < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
GROUP BY bucket
ORDER BY bucket
