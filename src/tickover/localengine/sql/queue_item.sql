-- The next call of a run, under the slots of the one before it.
INSERT INTO tickover_engine.item (job_id, run_id, step_id, slots, limits)
SELECT %(job_id)s, run_id, %(step_id)s, slots, limits FROM tickover_engine.item WHERE id = %(item_id)s
