-- The newest obligation of each function in a client's scope that was ever taken up. Asked for as a range, a function's are
-- read in the order of its own index.
SELECT o.function, o.state, o.path, o.run_id, o.attempt, o.started_at, o.finished_at, o.error,
  coalesce(o.finished_at, o.started_at) AS updated_at, t.dispatch_key, t.correlation_id
FROM unnest(%(functions)s::text[]) AS asked (function) CROSS JOIN LATERAL (
  SELECT * FROM tickover.obligation n
  WHERE n.function >= asked.function AND n.function <= asked.function
    AND (n.client_id = %(client_id)s::text OR (%(client_id)s::text IS NULL AND n.client_id IS NULL))
    AND n.started_at IS NOT NULL
  ORDER BY n.function, n.id DESC LIMIT 1
) o JOIN tickover.tick t ON t.id = o.tick_id
