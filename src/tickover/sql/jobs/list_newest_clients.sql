-- The clients of the newest jobs, of all that are queued, of some that run or are dead, and those with a quota.
WITH RECURSIVE queued(lane, client) AS (
  SELECT l.lane, (
    SELECT coalesce(j.client_id, '') FROM tickover.job j
    WHERE j.lane = l.lane AND j.state = 'queued' AND coalesce(j.client_id, '') > ''
    ORDER BY coalesce(j.client_id, '') LIMIT 1)
  FROM tickover.lane l
  UNION ALL
  SELECT q.lane, (
    SELECT coalesce(j.client_id, '') FROM tickover.job j
    WHERE j.lane = q.lane AND j.state = 'queued' AND coalesce(j.client_id, '') > q.client
    ORDER BY coalesce(j.client_id, '') LIMIT 1)
  FROM queued q WHERE q.client IS NOT NULL
)
SELECT DISTINCT client_id FROM (
  (SELECT client_id FROM tickover.job ORDER BY id DESC LIMIT %(window)s)
  UNION ALL (SELECT client FROM queued LIMIT %(most)s)
  UNION ALL
  SELECT j.client_id FROM unnest(%(states)s::text[]) s(state) CROSS JOIN LATERAL tickover.jobs_in(s.state, NULL, %(bound)s, false) j
  UNION ALL (SELECT client_id FROM tickover.client_quota ORDER BY client_id LIMIT %(most)s)) seen
WHERE client_id IS NOT NULL
ORDER BY client_id LIMIT %(most)s
