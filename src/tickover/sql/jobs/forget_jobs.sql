-- Drop a few jobs that ended long ago, walking on in the order in which they were made, which is that of the primary key: no
-- index has to be kept for it; their attempts go with them. How far the walk came, how many were dropped, and whether there may be more to drop further on.
WITH page AS MATERIALIZED (
  SELECT id, ctid, state, finished_at, created_at FROM tickover.job WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
), gone AS (
  DELETE FROM tickover.job j WHERE j.ctid = ANY (ARRAY(
    SELECT ctid FROM page
    WHERE (state = ANY (%(ended)s) AND finished_at < %(ended_before)s) OR (state = %(dead)s AND finished_at < %(dead_before)s)))
    AND (j.state = ANY (%(ended)s) OR j.state = %(dead)s)
  RETURNING j.id
), attempts AS (
  DELETE FROM tickover.job_attempt a USING gone WHERE a.job_id = gone.id
)
SELECT coalesce(max(id), 0), (SELECT count(*) FROM gone), count(*) = %(limit)s AND max(created_at) < %(ended_before)s FROM page
