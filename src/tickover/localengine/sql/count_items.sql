-- Other calls of the run that are still to be made or being made.
SELECT count(*) FROM tickover_engine.item WHERE run_id = %(run_id)s AND id <> %(item_id)s
