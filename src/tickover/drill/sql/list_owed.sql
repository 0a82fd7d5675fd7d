-- Every obligation, with who carried it out.
SELECT o.id, t.dispatch_key, t.identity_source AS source, o.function, o.state, coalesce(o.path, c.path) AS path, o.attempt,
  o.created_at, o.finished_at
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id LEFT JOIN tickover.obligation c ON c.id = o.covered_by
ORDER BY o.id
