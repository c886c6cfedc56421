-- Visits by one of their own properties, the largest first, and how many rows there are in all.
SELECT
    {dimension:Identifier} AS name,
    uniqExact(visitor_id) AS visitors,
    count() AS visits,
    sum(views_inside) AS page_views,
    countIf(bounced) AS bounces,
    sum(duration_ms) AS duration_ms,
    count() OVER () AS rows
FROM visits
GROUP BY name
ORDER BY visitors DESC, visits DESC, name
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
