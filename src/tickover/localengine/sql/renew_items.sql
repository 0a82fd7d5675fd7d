-- Calls that are being made keep their lease.
UPDATE tickover_engine.item i SET leased_to = now() + make_interval(secs => %(lease_s)s)
FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[]) AS held (id, fence)
WHERE i.id = held.id AND i.fence = held.fence
