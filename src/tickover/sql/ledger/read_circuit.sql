-- What decides about a route's circuit: the newest attempts to hand a tick over whose fate is known, newest first, beside
-- what was last announced, and the refused calls that nothing has mended. Always at least one row.
WITH newest AS MATERIALIZED ( -- read one by one, until enough are known: a planner without statistics would judge all
  SELECT t.id, t.dispatch_key, t.requested_at, t.error ->> 'kind' AS send_error FROM tickover.tick t
  WHERE t.route = %(route)s AND (t.event_ids <> '{}' OR t.error IS NOT NULL) ORDER BY t.requested_at DESC LIMIT 1000
), known AS (
  SELECT newest.dispatch_key, newest.requested_at, newest.send_error, fate.missed, fate.settled_at
  FROM newest CROSS JOIN LATERAL (
    SELECT count(*) AS taken,
           count(*) FILTER (WHERE fate = 'missed') AS missed, count(*) FILTER (WHERE fate = 'waiting') AS waiting,
           max(settled_at) FILTER (WHERE fate = 'missed') AS settled_at
    FROM (
      SELECT tickover.fate(o) AS fate, coalesce(o.started_at, o.finished_at, o.start_by) AS settled_at
      FROM tickover.obligation o WHERE o.tick_id = newest.id AND o.accepted_at IS NOT NULL
      OFFSET 0 -- each fate is found once
    ) AS each_one
  ) AS fate
  WHERE newest.send_error IS NOT NULL OR fate.missed > 0
    OR (fate.waiting = 0 AND fate.taken > 0) -- not where a rollback took all of it back
  LIMIT %(most)s
)
SELECT now() AS now, circuit.state AS announced, circuit.since AS announced_at, circuit.probed_at, known.*, (
    SELECT json_agg(json_build_object('endpoint', r.endpoint, 'cause', r.cause, 'detail', r.detail, 'count', r.count,
                                      'first_at', r.first_at, 'last_at', r.last_at) ORDER BY r.last_at DESC)
    FROM tickover.refusal r WHERE r.mended_at IS NULL AND r.last_at > now() - %(recent)s::interval
  ) AS refusals
FROM (SELECT %(route)s::text AS route) AS asked
LEFT JOIN tickover.circuit circuit ON circuit.route = asked.route
LEFT JOIN known ON true
ORDER BY known.requested_at DESC
