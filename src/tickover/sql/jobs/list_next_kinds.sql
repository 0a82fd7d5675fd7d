-- The kinds of the jobs that come next, so many of each state at most, in the order of an index.
SELECT DISTINCT kind FROM (
  (SELECT kind FROM tickover.job WHERE state = 'queued' ORDER BY lane, -priority, run_at, id LIMIT %(most)s)
  UNION ALL (SELECT kind FROM tickover.job WHERE state = 'scheduled' ORDER BY run_at, id LIMIT %(most)s)
  UNION ALL (SELECT kind FROM tickover.job WHERE state = 'running' ORDER BY lane LIMIT %(most)s)) next
ORDER BY kind
