-- The newest obligation of each function in a client's scope that was ever taken up. Each function is asked for as a range of
-- one, so that its own index is walked.
SELECT o.function, o.state, o.path, o.run_id, o.attempt, o.started_at, o.finished_at, o.error,
  coalesce(o.finished_at, o.started_at) AS updated_at, t.dispatch_key, t.correlation_id
FROM unnest(%(functions)s::text[]) AS asked (function) CROSS JOIN LATERAL (
  SELECT * FROM tickover.obligation n
  WHERE n.function BETWEEN asked.function AND asked.function AND n.client_id IS NOT DISTINCT FROM %(client_id)s AND n.started_at IS NOT NULL
  ORDER BY n.function, n.id DESC LIMIT 1
) o JOIN tickover.tick t ON t.id = o.tick_id
ORDER BY o.function
