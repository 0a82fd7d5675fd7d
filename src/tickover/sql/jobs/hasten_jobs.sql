-- Jobs that are to be run now: due, in their kind's lane, and as urgent as any job can be, so that they go before the others of
-- their client. What is locked is being claimed, and is passed over.
WITH free AS (
  SELECT id FROM tickover.job WHERE id = ANY (%(ids)s::bigint[]) AND state = ANY (%(sources)s) FOR UPDATE SKIP LOCKED
)
UPDATE tickover.job j
SET state = %(queued)s, run_at = least(j.run_at, now()), priority = 1000,
    lane = coalesce((SELECT l.lane FROM tickover.lane l WHERE l.kind = j.kind), 0)
FROM free WHERE j.id = free.id
RETURNING j.id
