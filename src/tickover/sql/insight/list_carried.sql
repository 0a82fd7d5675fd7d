-- The newest obligations of a function, the newest first: so many at most, and none that is older than asked. The function is
-- asked for as a range of one, so that its own index is walked, and never the others' rows.
SELECT t.dispatch_key, o.created_at, o.accepted_at, o.started_at, o.finished_at, o.state, o.path, o.error,
  tickover.is_late(o) AS late
FROM (
  SELECT * FROM tickover.obligation WHERE function BETWEEN %(function)s AND %(function)s
  ORDER BY function, id DESC LIMIT %(most)s
) o JOIN tickover.tick t ON t.id = o.tick_id
WHERE o.created_at > %(since)s
ORDER BY o.id DESC
