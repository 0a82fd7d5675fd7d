SELECT internal_id, event_id, name, body, received_at FROM tickover_engine.event WHERE internal_id = %(id)s
