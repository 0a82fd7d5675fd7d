DELETE FROM tickover_engine.item WHERE id = %(item_id)s
