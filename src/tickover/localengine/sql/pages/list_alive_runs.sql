-- Runs that have not ended. Each has a call to come, by which it is found however many have ended since.
WITH looked_at AS (
  SELECT run_id FROM tickover_engine.item WHERE %(before)s::text IS NULL OR run_id < %(before)s
  ORDER BY run_id DESC LIMIT %(window)s
)
SELECT r.id, r.function_id, r.internal_id, r.state, r.created_at, r.started_at, r.ended_at, e.name AS event
FROM (SELECT DISTINCT run_id AS id FROM looked_at) alive JOIN tickover_engine.run r USING (id)
LEFT JOIN tickover_engine.event e ON e.internal_id = r.internal_id
WHERE r.state = %(state)s AND (%(function)s::text IS NULL OR r.function_id = %(function)s)
ORDER BY r.id DESC LIMIT %(most)s
