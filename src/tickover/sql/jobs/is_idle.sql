-- Whether nothing waits for a drain: no job that is due, none whose time has come, none that a dead process has left behind.
SELECT NOT EXISTS (
    SELECT 1 FROM tickover.job WHERE state = 'queued' AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s))
  AND NOT EXISTS (
    SELECT 1 FROM tickover.job
    WHERE state = 'scheduled' AND run_at <= now() AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s))
  AND NOT EXISTS (
    SELECT 1 FROM tickover.job
    WHERE state = 'running' AND lease_expires_at < now() AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s)
  ) AS is_idle
