-- The run of a call, if it is alive; whoever decides about a run holds its row.
SELECT id FROM tickover_engine.run WHERE id = %(run_id)s AND state = %(running)s FOR UPDATE
