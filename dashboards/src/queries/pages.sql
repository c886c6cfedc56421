-- Pages by their path. Time is the time that the page was visible and focused.
SELECT
    path AS name,
    uniqExactIf(visitor_id, kind = 'view') AS visitors,
    uniqExactIf(visit_id, kind = 'view') AS visits,
    countIf(kind = 'view') AS page_views,
    sum(engaged_ms) AS engaged_ms,
    count() OVER () AS rows
FROM inside
GROUP BY name
HAVING page_views > 0
ORDER BY visitors DESC, page_views DESC, name
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
