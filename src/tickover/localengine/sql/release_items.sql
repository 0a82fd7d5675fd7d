-- Calls that are given up are due again at once, and their answers come too late.
UPDATE tickover_engine.item i SET fence = i.fence + 1, leased_to = NULL
FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[]) AS held (id, fence)
WHERE i.id = held.id AND i.fence = held.fence
