-- The totals of a period.
SELECT
    uniqExact(visitor_id) AS visitors,
    count() AS visits,
    sum(views_inside) AS page_views,
    countIf(bounced) AS bounces,
    sum(duration_ms) AS duration_ms,
    max(sample) AS sample
FROM visits
