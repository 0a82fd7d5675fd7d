-- The newest dispatch keys of each route, the newest first.
SELECT t.dispatch_key
FROM unnest(%(routes)s::text[]) AS asked (route) CROSS JOIN LATERAL (
  SELECT dispatch_key, requested_at FROM tickover.tick
  WHERE route = asked.route ORDER BY requested_at DESC LIMIT %(most)s
) AS t
ORDER BY t.requested_at DESC
