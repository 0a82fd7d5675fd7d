-- Runs by their own id, or by the id of the event that started them.
SELECT r.id, r.function_id, r.event_id, r.state, r.output, r.created_at, r.started_at, r.ended_at
FROM tickover_engine.run r
LEFT JOIN tickover_engine.event e ON e.event_id = r.event_id
WHERE r.id = %(id)s OR r.event_id = %(id)s OR e.internal_id = %(id)s
ORDER BY r.id LIMIT 100
