SELECT id, kind, client_id, state, priority, run_at, attempts, max_attempts, timeout_s, dedupe_key, fence,
  lease_expires_at, last_error, created_at, finished_at, payload::text
FROM tickover.job
WHERE id = %(id)s
