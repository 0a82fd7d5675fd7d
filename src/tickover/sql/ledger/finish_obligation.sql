-- The end of an attempt; refused to whoever lost the lease. A success also covers older obligations of the function,
-- within its own scope, that were owed before it began and that nobody is carrying out or will be called for in time.
WITH finished AS (
  UPDATE tickover.obligation SET state = %(state)s, error = %(error)s, lease_expires_at = NULL, finished_at = now(),
    failed_durably = failed_durably OR (%(state)s = %(failed)s AND path = %(durable)s)
  WHERE id = %(id)s AND fence = %(fence)s AND state = %(running)s
  RETURNING id, function, client_id, started_at, finished_at
), covered AS (
  UPDATE tickover.obligation o SET state = %(covered)s, covered_by = finished.id, finished_at = now(), lease_expires_at = NULL
  FROM finished
  WHERE %(state)s = %(succeeded)s AND o.function = finished.function AND o.id < finished.id
    AND (finished.client_id IS NULL OR o.client_id = finished.client_id) AND o.created_at <= finished.started_at
    AND (o.state = %(owed)s OR tickover.is_late(o))
  RETURNING o.id
)
SELECT finished.finished_at, (SELECT count(*) FROM covered) AS covered FROM finished
