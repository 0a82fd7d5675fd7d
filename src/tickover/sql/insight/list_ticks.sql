-- The newest ticks of a route, or of all, below a place: those that were answered in one way, where that is asked for, among so
-- many that are looked at.
SELECT t.id, t.dispatch_key, t.route, t.client_id, t.identity_source, t.mode, t.reason, t.requested_at AS at,
  o.owed, o.failed, o.unended, (%(paths)s::text[])[o.path] AS path, t.error ->> 'detail' AS send_error
FROM (
  SELECT * FROM (
    SELECT * FROM tickover.tick WHERE id < coalesce(%(before)s::bigint, 9223372036854775807) ORDER BY id DESC LIMIT %(window)s
  ) w
  WHERE (%(route)s::text IS NULL OR w.route = %(route)s) AND (%(mode)s::text IS NULL OR w.mode = %(mode)s)
  ORDER BY id DESC LIMIT %(limit)s
) t CROSS JOIN LATERAL (
  SELECT count(*) AS owed, count(*) FILTER (WHERE o.state = %(failed)s) AS failed,
    count(*) FILTER (WHERE o.state <> ALL (%(ended)s)) AS unended,
    max(array_position(%(paths)s::text[], coalesce(c.path, o.path))) AS path
  FROM tickover.obligation o LEFT JOIN tickover.obligation c ON c.id = o.covered_by
  WHERE o.tick_id = t.id
) o
ORDER BY t.id DESC
