UPDATE tickover_engine.item
SET attempt = attempt + 1, due_at = coalesce(%(at)s, now() + make_interval(secs => %(delay_s)s)), leased_to = NULL
WHERE id = %(item_id)s
