-- How often a route was fired: its newest ticks up to a bound, and the time from the first to the last of them.
SELECT count(*) AS ticks, coalesce(max(newest.requested_at) - min(newest.requested_at), interval '0') AS over
FROM (
  SELECT t.requested_at FROM tickover.tick t
  WHERE t.route = %(route)s AND t.client_id IS NULL AND t.identity_source NOT IN ('continuation', 'canary')
  ORDER BY t.requested_at DESC LIMIT %(most)s) newest
