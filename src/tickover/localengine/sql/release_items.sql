-- Calls that are given up are due again at once.
UPDATE tickover_engine.item i SET leased_to = NULL
FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[]) AS held (id, fence)
WHERE i.id = held.id AND i.fence = held.fence
