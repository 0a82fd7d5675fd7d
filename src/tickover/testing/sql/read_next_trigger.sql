-- When the first cron trigger that is due by a time is due; NULL where none is.
SELECT min(next_at) FROM tickover_engine.schedule WHERE next_at <= %(at)s
