-- Jobs that are never to be run; what is locked is being claimed, and is passed over. Whoever enqueues the same dedupe key
-- afterwards stores a job of its own.
WITH free AS (
  SELECT id FROM tickover.job WHERE id = ANY (%(ids)s::bigint[]) AND state = ANY (%(sources)s) FOR UPDATE SKIP LOCKED
)
UPDATE tickover.job j SET state = %(discarded)s, finished_at = now() FROM free WHERE j.id = free.id
RETURNING j.id
