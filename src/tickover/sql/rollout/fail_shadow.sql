-- The engine could not be asked.
UPDATE tickover.shadow_run s SET send_error = %(error)s
FROM tickover.tick t
WHERE t.dispatch_key = %(dispatch_key)s AND s.tick_id = t.id AND s.function = ANY (%(functions)s)
