-- What one responsibility did; refused to whoever lost the lease.
INSERT INTO tickover.responsibility_run
  (obligation_id, responsibility, path, attempt, fence, started_at, duration_ms, summary, error)
SELECT o.id, %(responsibility)s, o.path, o.attempt, o.fence, now() - make_interval(secs => %(duration_ms)s / 1000.0),
       %(duration_ms)s, %(summary)s, %(error)s
FROM tickover.obligation o
WHERE o.id = %(id)s AND o.fence = %(fence)s AND o.state = %(running)s
RETURNING id
