-- Every run of every responsibility for a tick, in order.
SELECT o.function, r.responsibility, r.path, r.attempt, r.started_at, r.duration_ms, r.summary, r.error
FROM tickover.obligation o JOIN tickover.responsibility_run r ON r.obligation_id = o.id
WHERE o.tick_id = %(tick)s
ORDER BY r.id LIMIT %(most)s
