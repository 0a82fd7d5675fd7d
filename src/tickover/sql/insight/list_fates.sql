-- A route's ticks of late as cron fired them, with what became of what they owe: the newest so many, in the order in which they
-- came. Of the paths that carried one out the most telling counts, the last in the list.
SELECT t.dispatch_key, t.requested_at AS at, o.owed, o.failed, o.unended, o.twice,
  (%(paths)s::text[])[o.path] AS path
FROM (
  SELECT id, dispatch_key, requested_at FROM tickover.tick
  WHERE route = %(route)s AND client_id IS NULL AND identity_source NOT IN ('continuation', 'canary')
    AND requested_at > %(since)s AND requested_at <= %(until)s
  ORDER BY requested_at DESC LIMIT %(most)s
) t CROSS JOIN LATERAL (
  SELECT count(*) AS owed, count(*) FILTER (WHERE o.state = %(failed)s) AS failed,
    count(*) FILTER (WHERE o.state <> ALL (%(ended)s)) AS unended,
    coalesce(bool_or(o.fenced_off > 0), false) AS twice,
    max(array_position(%(paths)s::text[], coalesce(c.path, o.path))) AS path
  FROM tickover.obligation o LEFT JOIN tickover.obligation c ON c.id = o.covered_by
  WHERE o.tick_id = t.id
) o
ORDER BY t.requested_at, t.id
