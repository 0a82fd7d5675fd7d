-- New schedules, and those whose expression or zone has changed, count from now on. Of several callers one does it; the
-- names that come back are those it began.
INSERT INTO tickover.recurring AS r (name, cron, timezone, next_at)
SELECT b.name, b.cron, b.timezone, b.next_at
FROM unnest(%(names)s::text[], %(crons)s::text[], %(timezones)s::text[], %(next_at)s::timestamptz[])
  AS b(name, cron, timezone, next_at)
ORDER BY b.name -- all callers lock in one order
ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, timezone = excluded.timezone, next_at = excluded.next_at
WHERE (r.cron, r.timezone) <> (excluded.cron, excluded.timezone)
RETURNING r.name
