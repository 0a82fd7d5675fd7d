-- What a tick owes, and whose run did the work of what was covered.
SELECT o.id, o.function, o.state, o.path, o.run_id, o.attempt, o.fence, o.fenced_off, o.start_by, o.finish_by, o.created_at,
  o.accepted_at, o.started_at, o.finished_at, o.error, tickover.is_late(o) AS late, covering.dispatch_key AS covered_by,
  c.path AS covered_path
FROM tickover.obligation o
LEFT JOIN tickover.obligation c ON c.id = o.covered_by
LEFT JOIN tickover.tick covering ON covering.id = c.tick_id
WHERE o.tick_id = %(tick)s
ORDER BY o.id
