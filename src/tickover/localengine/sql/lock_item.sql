-- A call that is still held under its fence.
SELECT id FROM tickover_engine.item WHERE id = %(item_id)s AND fence = %(fence)s FOR UPDATE
