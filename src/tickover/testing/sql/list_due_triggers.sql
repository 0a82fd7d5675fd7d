-- Functions with a cron trigger that is due at a time.
SELECT DISTINCT function_id FROM tickover_engine.schedule WHERE next_at <= %(at)s ORDER BY function_id
