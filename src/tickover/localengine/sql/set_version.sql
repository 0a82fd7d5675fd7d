UPDATE tickover_engine.run SET version = %(version)s WHERE id = %(run_id)s
