-- Visitors, visits and page views per bucket. A visit over midnight counts on both days.
SELECT
    multiIf(
        {interval:String} = 'hour', toInt64(toUnixTimestamp(toStartOfHour(ts, {zone:String}))),
        {interval:String} = 'week', toInt64(toMonday(toDate(ts, {zone:String}))),
        {interval:String} = 'month', toInt64(toStartOfMonth(toDate(ts, {zone:String}))),
        toInt64(toDate(ts, {zone:String}))) AS bucket,
    uniqExact(visitor_id) AS visitors,
    uniqExact(visit_id) AS visits,
    count() AS page_views
FROM inside
WHERE kind = 'view'
GROUP BY bucket
ORDER BY bucket
