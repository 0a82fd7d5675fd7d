-- A message was taken by its destination; also where the lease was lost meanwhile, for it was.
UPDATE tickover.notice_delivery SET state = 'sent', sent_at = %(now)s, message = %(message)s, attempts = attempts + 1,
  lease_expires_at = NULL, last_error = NULL
WHERE id = ANY (%(ids)s::bigint[]) AND state <> 'sent'
