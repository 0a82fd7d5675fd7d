-- The row of the call that found a step asleep becomes the one that wakes it.
UPDATE tickover_engine.item
SET wakes = %(step_id)s, due_at = %(until)s, attempt = 0, fence = fence + 1, leased_to = NULL
WHERE id = %(item_id)s
