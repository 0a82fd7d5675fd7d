-- How often a route's ticks came within the last day.
SELECT count(*) AS ticks, coalesce(max(requested_at) - min(requested_at), interval '0') AS over
FROM tickover.tick
WHERE route = %(route)s AND requested_at > now() - interval '1 day' AND client_id IS NULL
  AND identity_source NOT IN ('continuation', 'canary')
