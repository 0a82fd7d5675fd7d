-- Only who holds a job's lease records what became of it; the ids that come back are those it held.
UPDATE tickover.job j
SET state = o.state, attempts = o.attempts, run_at = coalesce(o.run_at, j.run_at),
    last_error = coalesce(o.error, j.last_error), lease_expires_at = NULL,
    finished_at = CASE WHEN o.state = ANY (%(ended)s) THEN now() END
FROM unnest(
  %(id)s::bigint[], %(fence)s::bigint[], %(state)s::text[], %(attempts)s::integer[], %(run_at)s::timestamptz[],
  %(error)s::text[]
) AS o(id, fence, state, attempts, run_at, error)
WHERE j.id = o.id AND j.fence = o.fence AND j.state = %(running)s
RETURNING j.id
