-- The database refuses an act: it has ended.
UPDATE tickover.bulk_act
SET state = %(failed)s, error = %(error)s, lease_expires_at = NULL, updated_at = now(), ended_at = now()
WHERE id = %(id)s AND fence = %(fence)s AND state = ANY (%(unended)s)
