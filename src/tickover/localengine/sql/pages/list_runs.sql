-- The newest runs before an id, of those among a bounded number that fit.
WITH looked_at AS (
  SELECT id, function_id, internal_id, state, created_at, started_at, ended_at FROM tickover_engine.run
  WHERE %(before)s::text IS NULL OR id < %(before)s ORDER BY id DESC LIMIT %(window)s
)
SELECT l.*, e.name AS event FROM looked_at l LEFT JOIN tickover_engine.event e ON e.internal_id = l.internal_id
WHERE (%(state)s::text IS NULL OR l.state = %(state)s) AND (%(function)s::text IS NULL OR l.function_id = %(function)s)
ORDER BY l.id DESC LIMIT %(most)s
