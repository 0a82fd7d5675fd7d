-- The runs that an event started.
SELECT r.id, r.function_id, r.internal_id, e.name AS event, r.state, r.created_at, r.started_at, r.ended_at
FROM tickover_engine.run r LEFT JOIN tickover_engine.event e USING (internal_id)
WHERE r.internal_id = %(id)s LIMIT %(most)s
