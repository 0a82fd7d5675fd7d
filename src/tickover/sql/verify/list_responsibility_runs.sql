-- What each responsibility did last for a tick's obligations, or for those that covered them.
SELECT DISTINCT ON (o.id, r.responsibility) o.function, r.responsibility, r.path, r.attempt, r.duration_ms,
  coalesce((r.summary ->> 'changed')::bigint, 0) AS changed, r.error
FROM tickover.tick t JOIN tickover.obligation o ON o.tick_id = t.id
JOIN tickover.responsibility_run r ON r.obligation_id = coalesce(o.covered_by, o.id)
WHERE t.dispatch_key = %(dispatch_key)s
ORDER BY o.id, r.responsibility, r.id DESC
