-- The next jobs below a place that match, the newest first: found among so many that are looked at. And how far the look came;
-- no place where nothing is left below.
WITH looked AS MATERIALIZED (
  SELECT id, kind, client_id, state, created_at, last_error FROM tickover.job
  WHERE id < %(position)s AND (%(only)s::text IS NULL OR state = %(only)s)
  ORDER BY id DESC LIMIT %(window)s
), matching AS MATERIALIZED (
  SELECT id FROM looked
  WHERE state = ANY (%(sources)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(client_id)s::text IS NULL OR coalesce(client_id, '') = %(client_id)s)
    AND (%(made_before)s::timestamptz IS NULL OR created_at <= %(made_before)s)
    AND (%(error)s::text IS NULL OR strpos(lower(last_error), lower(%(error)s)) > 0)
  ORDER BY id DESC LIMIT %(limit)s
)
SELECT ARRAY(SELECT id FROM matching) AS ids, CASE
    WHEN (SELECT count(*) FROM matching) = %(limit)s THEN (SELECT min(id) FROM matching)
    WHEN (SELECT count(*) FROM looked) = %(window)s THEN (SELECT min(id) FROM looked)
  END AS place
