-- The run of a call that is still held under its fence.
SELECT r.id FROM tickover_engine.run r
JOIN tickover_engine.item i ON i.run_id = r.id AND i.id = %(item_id)s AND i.fence = %(fence)s
WHERE r.state = %(running)s
FOR UPDATE OF r
