-- A message could not be sent: its deliveries are due again later, or given up.
UPDATE tickover.notice_delivery SET attempts = attempts + 1, last_error = %(error)s, lease_expires_at = NULL,
  due_at = %(due_at)s, state = CASE WHEN created_at < %(given_up_before)s THEN 'abandoned' ELSE 'due' END
WHERE id = ANY (%(ids)s::bigint[]) AND state = 'due'
RETURNING id, state
