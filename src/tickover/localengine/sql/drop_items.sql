DELETE FROM tickover_engine.item WHERE run_id = %(run_id)s
