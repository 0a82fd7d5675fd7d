SELECT r.id, r.function_id, r.internal_id, r.state, r.output, r.created_at, r.started_at, r.ended_at, e.name AS event
FROM tickover_engine.run r LEFT JOIN tickover_engine.event e ON e.internal_id = r.internal_id WHERE r.id = %(id)s
