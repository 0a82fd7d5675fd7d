-- Who ended what the engine had begun: each of these obligations, the one that covered it where one did, and what was done
-- for it after a moment.
SELECT o.id, o.function, t.dispatch_key, o.state, by.path, by_tick.dispatch_key AS by_tick, coalesce((
    SELECT jsonb_object_agg(r.responsibility, r.summary) FROM tickover.responsibility_run r
    WHERE r.obligation_id = by.id AND r.started_at >= %(since)s), '{}') AS summaries
FROM tickover.obligation o
JOIN tickover.tick t ON t.id = o.tick_id
JOIN tickover.obligation by ON by.id = coalesce(o.covered_by, o.id)
JOIN tickover.tick by_tick ON by_tick.id = by.tick_id
WHERE o.id = ANY (%(ids)s)
ORDER BY o.id
