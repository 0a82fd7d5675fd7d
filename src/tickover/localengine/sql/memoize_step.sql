UPDATE tickover_engine.run
SET steps = steps || jsonb_build_object(%(step_id)s::text, %(value)s::jsonb), stack = stack || %(step_id)s::text
WHERE id = %(run_id)s
