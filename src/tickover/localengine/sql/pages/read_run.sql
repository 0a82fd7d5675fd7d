-- A run with the head of its output, which is indented where it is of a moderate size.
SELECT r.id, r.function_id, r.internal_id, r.state, r.created_at, r.started_at, r.ended_at, e.name AS event,
  left(CASE WHEN pg_column_size(r.output) < 50000 THEN jsonb_pretty(r.output) ELSE r.output::text END, %(head)s) AS output,
  coalesce(length(r.output::text), 0) > %(head)s AS cut
FROM tickover_engine.run r LEFT JOIN tickover_engine.event e ON e.internal_id = r.internal_id WHERE r.id = %(id)s
