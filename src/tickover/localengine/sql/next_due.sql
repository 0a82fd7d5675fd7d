-- Seconds until the next call falls due, of those nobody holds.
SELECT extract(epoch FROM min(due_at) - now())::float FROM tickover_engine.item
WHERE leased_to IS NULL OR leased_to <= now()
