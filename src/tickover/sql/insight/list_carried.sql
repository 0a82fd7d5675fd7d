-- The newest obligations of a function, the newest first: so many at most, and none that is older than asked.
-- Asked for as a range, it is read in the order of its own index; else a function that is rarely owed is sought among all others.
SELECT t.dispatch_key, o.created_at, o.accepted_at, o.started_at, o.finished_at, o.state, o.path, o.error,
  tickover.is_late(o) AS late
FROM (
  SELECT * FROM tickover.obligation WHERE function >= %(function)s AND function <= %(function)s
  ORDER BY function, id DESC LIMIT %(most)s
) o JOIN tickover.tick t ON t.id = o.tick_id
WHERE o.created_at > %(since)s
ORDER BY o.id DESC
