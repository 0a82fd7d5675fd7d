-- The kinds of the newest jobs, and of some of those that wait, run or are dead.
SELECT DISTINCT kind FROM (
  (SELECT kind FROM tickover.job ORDER BY id DESC LIMIT %(window)s)
  UNION ALL
  SELECT j.kind FROM unnest(%(states)s::text[]) s(state) CROSS JOIN LATERAL tickover.jobs_in(s.state, NULL, %(bound)s, false) j
  UNION ALL SELECT kind FROM tickover.lane WHERE kind IS NOT NULL) seen
ORDER BY kind LIMIT %(most)s
