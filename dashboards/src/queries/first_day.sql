-- Whether a site has events and decisions, and the first local day of either as days since 1970 (0 if there is none).
SELECT
    ifNull((SELECT count() FROM (SELECT 1 FROM events WHERE site_id = {site:String} LIMIT 1)), 0) AS events,
    ifNull((SELECT count() FROM (SELECT 1 FROM consents WHERE site_id = {site:String} LIMIT 1)), 0) AS decisions,
    ifNull((SELECT toInt64(toDate(min(ts), {zone:String})) FROM events WHERE site_id = {site:String}), 0) AS event_day,
    ifNull((SELECT toInt64(toDate(min(ts), {zone:String})) FROM consents WHERE site_id = {site:String}), 0) AS decision_day
