-- The end of a job's own transaction: its outcome is committed together with what its handler wrote. Not at the start,
-- because whoever enqueues the same dedupe key would wait for the handler.
UPDATE tickover.job
SET state = %(succeeded)s, lease_expires_at = NULL, finished_at = clock_timestamp()
WHERE id = %(id)s AND fence = %(fence)s AND state = %(running)s
RETURNING id
