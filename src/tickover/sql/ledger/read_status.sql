-- The newest obligation of each function in a client's scope that was ever taken up.
SELECT DISTINCT ON (o.function) o.function, o.state, o.path, o.run_id, o.attempt, o.started_at, o.finished_at, o.error,
  coalesce(o.finished_at, o.started_at) AS updated_at, t.dispatch_key, t.correlation_id
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
WHERE o.function = ANY (%(functions)s) AND o.client_id IS NOT DISTINCT FROM %(client_id)s AND o.started_at IS NOT NULL
ORDER BY o.function, o.id DESC
