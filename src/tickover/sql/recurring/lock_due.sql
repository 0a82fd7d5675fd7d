-- Hold those schedules that still stand as they were read, until the transaction ends. One that another caller holds is
-- passed over: that one enqueues its occurrence, or dies and leaves it to the next call.
SELECT r.name
FROM tickover.recurring r
JOIN unnest(%(names)s::text[], %(crons)s::text[], %(timezones)s::text[], %(next_at)s::timestamptz[])
  AS d(name, cron, timezone, next_at)
  ON r.name = d.name AND r.cron = d.cron AND r.timezone = d.timezone AND r.next_at = d.next_at
FOR NO KEY UPDATE OF r SKIP LOCKED
