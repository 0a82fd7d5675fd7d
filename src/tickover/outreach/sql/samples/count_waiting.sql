-- Messages that wait to be processed, counted up to a bound.
SELECT count(*) FROM (SELECT FROM outreach.message WHERE processed_at IS NULL LIMIT %(bound)s) waiting
