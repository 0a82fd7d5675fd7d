SELECT internal_id, event_id, name, body, received_at FROM tickover_engine.event
WHERE (%(name)s::text IS NULL OR name = %(name)s)
  AND (%(before)s::timestamptz IS NULL OR received_at <= %(before)s)
ORDER BY received_at DESC LIMIT %(most)s
