-- The first call of a run is made so much later; never, where that is NULL.
UPDATE tickover_engine.item SET due_at = coalesce(due_at + %(by)s::interval, 'infinity') WHERE run_id = %(run_id)s
