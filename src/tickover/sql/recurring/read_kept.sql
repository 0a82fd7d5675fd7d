-- What is kept of these schedules; one that was never seen has no row.
SELECT name, cron, timezone, next_at FROM tickover.recurring WHERE name = ANY (%(names)s)
