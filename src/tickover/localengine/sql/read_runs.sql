-- Runs by their own id, or by either id of the event that started them.
SELECT r.id, r.function_id, r.internal_id, r.state, r.output, r.created_at, r.started_at, r.ended_at
FROM tickover_engine.run r
WHERE r.id = %(id)s OR r.internal_id = %(id)s
  OR r.internal_id IN (SELECT internal_id FROM tickover_engine.event WHERE event_id = %(id)s)
ORDER BY r.id LIMIT 100
