-- The one way to win jobs: those whose lease has expired first, then those that are due. Rows that another drain is
-- claiming right now are skipped. The payload comes as text: one that Python cannot parse must not spoil the batch.
WITH expired AS (
  SELECT id FROM tickover.job
  WHERE state = %(running)s AND lease_expires_at < now()
    AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s)
  ORDER BY lease_expires_at
  LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
), due AS (
  SELECT id FROM tickover.job
  WHERE state = %(queued)s AND run_at <= now()
    AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s)
  ORDER BY priority DESC, run_at, id
  LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
), chosen AS (
  SELECT id, row_number() OVER () AS turn
  FROM (SELECT id FROM expired UNION ALL SELECT id FROM due LIMIT %(limit)s) either
), won AS (
  UPDATE tickover.job j
  SET state = %(running)s, fence = j.fence + 1, attempts = j.attempts + 1,
      lease_expires_at = now() + make_interval(secs => %(lease_s)s)
  FROM chosen
  WHERE j.id = chosen.id
  RETURNING chosen.turn, j.id, j.fence, j.kind, j.client_id, j.payload::text, j.attempts, j.max_attempts, j.timeout_s
)
SELECT id, fence, kind, client_id, payload, attempts, max_attempts, timeout_s FROM won ORDER BY turn
