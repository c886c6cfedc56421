-- Every visit with a page view between {start} and {end}, one row each, as the sub-query that other questions read.
--
-- A visit is what carries one visit_id: the tracker begins another after 30 idle minutes. It belongs to the period when
-- one of its page views does, and is then judged whole: a day is read on either side, so that a visit over midnight is
-- no bounce on both days. Source, place and device are those of its first page view.
-- Filters are appended to HAVING (filter.rs). ClickHouse leaves out the columns that nobody asks for.
SELECT
    e.visit_id AS visit_id,
    any(e.visitor_id) AS visitor_id,
    max(e.sample) AS sample,
    countIf(e.kind = 'view') AS views,
    countIf(e.kind NOT IN ('view', 'engagement')) AS interactions,
    views = 1 AND interactions = 0 AS bounced,
    countIf(e.kind = 'view' AND e.ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND e.ts < fromUnixTimestamp64Milli({end:Int64}, 'UTC')) AS views_inside,
    toUInt64(dateDiff('millisecond', min(e.ts), max(e.ts))) AS duration_ms,
    groupUniqArrayIf(multiIf(
        {interval:String} = 'hour', toInt64(toUnixTimestamp(toStartOfHour(e.ts, {zone:String}))),
        {interval:String} = 'week', toInt64(toMonday(toDate(e.ts, {zone:String}))),
        {interval:String} = 'month', toInt64(toStartOfMonth(toDate(e.ts, {zone:String}))),
        toInt64(toDate(e.ts, {zone:String}))), e.kind = 'view' AND e.ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND e.ts < fromUnixTimestamp64Milli({end:Int64}, 'UTC')) AS buckets,
    argMinIf(e.path, e.ts, e.kind = 'view') AS entry_page,
    argMaxIf(e.path, e.ts, e.kind = 'view') AS exit_page,
    argMinIf(e.source, e.ts, e.kind = 'view') AS source,
    argMinIf(e.channel, e.ts, e.kind = 'view') AS channel,
    argMinIf(e.referrer_host, e.ts, e.kind = 'view') AS referrer,
    argMinIf(e.utm_campaign, e.ts, e.kind = 'view') AS campaign,
    argMinIf(e.country, e.ts, e.kind = 'view') AS country,
    argMinIf(e.region, e.ts, e.kind = 'view') AS region,
    argMinIf(e.city, e.ts, e.kind = 'view') AS city,
    argMinIf(e.browser, e.ts, e.kind = 'view') AS browser,
    argMinIf(e.os, e.ts, e.kind = 'view') AS os,
    argMinIf(e.device, e.ts, e.kind = 'view') AS device,
    argMinIf(e.language, e.ts, e.kind = 'view') AS language
FROM events AS e
WHERE e.site_id = {site:String}
  AND e.ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') - INTERVAL 1 DAY
  AND e.ts < fromUnixTimestamp64Milli({end:Int64}, 'UTC') + INTERVAL 1 DAY
GROUP BY e.visit_id
HAVING views_inside > 0
