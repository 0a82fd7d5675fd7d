SELECT r.id, r.function_id, r.internal_id, r.state, r.created_at, r.started_at, r.ended_at, NULL AS event
FROM tickover_engine.run r WHERE r.internal_id = %(id)s ORDER BY r.id LIMIT 100
