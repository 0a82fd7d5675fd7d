-- Somebody else may go on with the act.
UPDATE tickover.bulk_act SET lease_expires_at = NULL
WHERE id = %(id)s AND fence = %(fence)s AND state = ANY (%(unended)s)
