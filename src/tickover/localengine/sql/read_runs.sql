-- Runs by their own id, or by the id of the event that started them.
SELECT id, function_id, event_id, state, output, created_at, started_at, ended_at
FROM tickover_engine.run
WHERE id = %(id)s OR event_id = %(id)s
  OR event_id IN (SELECT event_id FROM tickover_engine.event WHERE internal_id = %(id)s)
ORDER BY id LIMIT 100
