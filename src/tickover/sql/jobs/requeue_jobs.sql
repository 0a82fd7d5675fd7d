-- Dead letters become due again with all their attempts; the fence stays, so it only grows. One whose dedupe key an
-- unfinished job holds stays dead, and of several with the same key only the newest is taken.
WITH wanted AS (
  SELECT DISTINCT ON (d.kind, d.dedupe_key, CASE WHEN d.dedupe_key IS NULL THEN d.id END) d.id
  FROM tickover.job d
  WHERE d.state = %(dead)s AND d.id > %(after)s
    AND (%(ids)s::bigint[] IS NULL OR d.id = ANY (%(ids)s)) AND (%(kind)s::text IS NULL OR d.kind = %(kind)s)
    AND NOT EXISTS (
      SELECT 1 FROM tickover.job other
      WHERE other.kind = d.kind AND other.dedupe_key = d.dedupe_key
        AND other.state IN (%(scheduled)s, %(queued)s, %(running)s))
  ORDER BY d.kind, d.dedupe_key, CASE WHEN d.dedupe_key IS NULL THEN d.id END, d.id DESC
), turn AS (
  SELECT id FROM wanted ORDER BY id LIMIT %(limit)s
)
UPDATE tickover.job j
SET state = %(queued)s, attempts = 0, run_at = now(), finished_at = NULL,
    lane = coalesce((SELECT l.lane FROM tickover.lane l WHERE l.kind = j.kind), 0)
FROM turn
WHERE j.id = turn.id AND j.state = %(dead)s
RETURNING j.id
