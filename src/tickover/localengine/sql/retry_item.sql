-- Under a new fence: the answer that asked for this attempt, were it heard twice, asks for no second one.
UPDATE tickover_engine.item
SET attempt = attempt + 1, due_at = coalesce(%(at)s, now() + make_interval(secs => %(delay_s)s)),
  fence = fence + 1, leased_to = NULL
WHERE id = %(item_id)s
