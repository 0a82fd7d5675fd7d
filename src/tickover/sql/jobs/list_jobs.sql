-- The newest jobs first, without their payloads.
SELECT id, kind, client_id, state, priority, run_at, attempts, max_attempts, timeout_s, dedupe_key, fence,
  lease_expires_at, last_error, created_at, finished_at
FROM tickover.job
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY id DESC
LIMIT %(limit)s
