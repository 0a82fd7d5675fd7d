-- How many jobs of each state match, and whether all there are were looked at: no more of a state than a bound. Those that
-- succeeded stand in no index of their own: the newest of all jobs are looked at.
SELECT s.state, count(*) FILTER (WHERE (%(kind)s::text IS NULL OR j.kind = %(kind)s)
    AND (%(client_id)s::text IS NULL OR coalesce(j.client_id, '') = %(client_id)s)
    AND (%(made_before)s::timestamptz IS NULL OR j.created_at <= %(made_before)s)
    AND (%(error)s::text IS NULL OR strpos(lower(j.last_error), lower(%(error)s)) > 0)) AS n,
  count(*) < %(bound)s AS is_exact
FROM unnest(%(states)s::text[]) s(state)
CROSS JOIN LATERAL tickover.jobs_in(s.state, %(client_id)s, %(bound)s, %(error)s::text IS NOT NULL) j
GROUP BY s.state
UNION ALL
SELECT %(succeeded)s, count(*) FILTER (WHERE j.state = %(succeeded)s AND (%(kind)s::text IS NULL OR j.kind = %(kind)s)
    AND (%(client_id)s::text IS NULL OR coalesce(j.client_id, '') = %(client_id)s)
    AND (%(made_before)s::timestamptz IS NULL OR j.created_at <= %(made_before)s)
    AND (%(error)s::text IS NULL OR strpos(lower(j.last_error), lower(%(error)s)) > 0)),
  count(*) < %(bound)s
FROM (
  SELECT kind, client_id, state, created_at, last_error FROM tickover.job
  WHERE id < %(before)s ORDER BY id DESC LIMIT %(bound)s) j
