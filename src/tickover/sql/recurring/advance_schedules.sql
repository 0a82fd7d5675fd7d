-- Move schedules, held by this transaction, on to their next occurrence. The names that come back are those whose job is of
-- this transaction; for the others an unfinished one of an earlier occurrence stands.
WITH advanced AS (
  UPDATE tickover.recurring r
  SET next_at = a.next_at, last_at = a.last_at, last_job_id = a.job_id
  FROM unnest(%(names)s::text[], %(next_at)s::timestamptz[], %(last_at)s::timestamptz[], %(job_ids)s::bigint[])
    AS a(name, next_at, last_at, job_id)
  WHERE r.name = a.name
  RETURNING r.name, r.last_job_id
)
SELECT a.name FROM advanced a JOIN tickover.job j ON j.id = a.last_job_id WHERE j.created_at = now()
