SELECT name, cron, timezone, next_at, last_at, last_job_id FROM tickover.recurring ORDER BY name
