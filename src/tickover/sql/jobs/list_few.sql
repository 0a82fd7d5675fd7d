-- The newest of the few jobs in a state below a place that match, without their payloads.
SELECT id, kind, client_id, state, priority, run_at, attempts, max_attempts, timeout_s, dedupe_key, fence,
  lease_expires_at, last_error, created_at, finished_at
FROM tickover.job
WHERE id = ANY (ARRAY(
  SELECT few.id FROM tickover.jobs_in(%(state)s, %(client_id)s, %(bound)s, %(error)s::text IS NOT NULL) few
  WHERE few.id < %(before)s AND (%(kind)s::text IS NULL OR few.kind = %(kind)s)
    AND (%(client_id)s::text IS NULL OR coalesce(few.client_id, '') = %(client_id)s)
    AND (%(made_before)s::timestamptz IS NULL OR few.created_at <= %(made_before)s)
    AND (%(error)s::text IS NULL OR strpos(lower(few.last_error), lower(%(error)s)) > 0)
  ORDER BY few.id DESC LIMIT %(limit)s))
ORDER BY id DESC
