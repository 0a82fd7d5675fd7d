-- Obligations of late that two executors were at.
SELECT o.function, t.dispatch_key, o.path, o.attempt, o.fenced_off AS times, o.created_at
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
WHERE o.fenced_off > 0 AND o.function = ANY (%(functions)s) AND o.created_at > now() - %(within)s::interval
ORDER BY o.id DESC LIMIT 20
