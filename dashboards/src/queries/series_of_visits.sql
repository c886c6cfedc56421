-- What is known of whole visits only, per bucket that one of their page views lies in.
SELECT
    arrayJoin(buckets) AS bucket,
    countIf(bounced) AS bounces,
    sum(duration_ms) AS duration_ms
FROM visits
GROUP BY bucket
ORDER BY bucket
