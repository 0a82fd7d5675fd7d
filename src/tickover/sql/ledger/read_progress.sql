-- The obligations of a tick, with what each responsibility did last.
SELECT o.function, o.state, o.path, o.attempt, o.started_at, o.finished_at, o.error, c.path AS covered_path,
  coalesce((SELECT json_object_agg(r.responsibility, r.summary ORDER BY r.id)
            FROM tickover.responsibility_run r WHERE r.obligation_id = o.id), '{}') AS summaries
FROM tickover.tick t JOIN tickover.obligation o ON o.tick_id = t.id
LEFT JOIN tickover.obligation c ON c.id = o.covered_by
WHERE t.dispatch_key = %(dispatch_key)s
ORDER BY o.id
