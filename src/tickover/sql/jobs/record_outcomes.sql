-- Only who holds a job's lease records what became of it; the ids that come back are those it recorded. One that is
-- still in its own transaction is passed over, so that a handler that hangs holds up nobody. What waits again does so in
-- its kind's lane, which may be newer than the job. An attempt that failed is kept.
WITH outcome AS (
  SELECT * FROM unnest(
    %(id)s::bigint[], %(fence)s::bigint[], %(state)s::text[], %(attempts)s::integer[], %(run_at)s::timestamptz[],
    %(error)s::text[], %(failed)s::text[], %(started_at)s::timestamptz[]
  ) AS o(id, fence, state, attempts, run_at, error, failed, started_at)
), free AS (
  SELECT j.id, j.fence FROM tickover.job j JOIN outcome o ON o.id = j.id AND o.fence = j.fence
  WHERE j.state = %(running)s
  FOR NO KEY UPDATE OF j SKIP LOCKED
), recorded AS (
  UPDATE tickover.job j
  SET state = o.state, attempts = o.attempts, run_at = coalesce(o.run_at, j.run_at),
      last_error = coalesce(o.error, j.last_error), lease_expires_at = NULL,
      finished_at = CASE WHEN o.state = ANY (%(ended)s) THEN now() END,
      lane = coalesce((SELECT l.lane FROM tickover.lane l WHERE l.kind = j.kind), 0)
  FROM outcome o JOIN free USING (id, fence)
  WHERE j.id = o.id
  RETURNING j.id, o.fence, o.attempts, o.started_at, o.failed, o.error
), kept AS (
  INSERT INTO tickover.job_attempt (job_id, fence, attempt, started_at, ended_at, outcome, error, dispatch_key, path)
  SELECT id, fence, attempts, started_at, now(), failed, error, %(dispatch_key)s, %(path)s
  FROM recorded WHERE failed IS NOT NULL
  ON CONFLICT DO NOTHING
)
SELECT id FROM recorded
