-- A cron trigger whose time has come and which no other engine process is firing.
SELECT function_id, cron, next_at FROM tickover_engine.schedule WHERE next_at <= %(at)s
ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
