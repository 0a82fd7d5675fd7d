-- The newest jobs below a place that match, without their payloads: found among so many that are looked at, and no more. Where
-- a state has an index in the order of ids, only jobs in that state are looked at.
SELECT id, kind, client_id, state, priority, run_at, attempts, max_attempts, timeout_s, dedupe_key, fence,
  lease_expires_at, last_error, created_at, finished_at
FROM (
  SELECT * FROM tickover.job
  WHERE id < %(before)s AND (%(only)s::text IS NULL OR state = %(only)s)
  ORDER BY id DESC LIMIT %(window)s) j
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(client_id)s::text IS NULL OR coalesce(client_id, '') = %(client_id)s)
  AND (%(made_before)s::timestamptz IS NULL OR created_at <= %(made_before)s)
  AND (%(error)s::text IS NULL OR strpos(lower(last_error), lower(%(error)s)) > 0)
ORDER BY id DESC
LIMIT %(limit)s
