-- Calls that are being made keep their lease. A row that somebody has locked is being decided about: it is passed over,
-- so that a renewal neither waits nor meets another in a deadlock.
WITH mine AS (
  SELECT i.id FROM tickover_engine.item i
  JOIN unnest(%(ids)s::bigint[], %(fences)s::bigint[]) AS held (id, fence) ON i.id = held.id AND i.fence = held.fence
  FOR UPDATE OF i SKIP LOCKED
)
UPDATE tickover_engine.item i SET leased_to = now() + make_interval(secs => %(lease_s)s) FROM mine WHERE i.id = mine.id
