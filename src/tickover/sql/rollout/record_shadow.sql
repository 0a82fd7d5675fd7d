-- A tick's work is done inline, and the engine is asked to do it dry: kept before it is asked. Nothing where the tick's
-- function is no shadow any more, or was asked for already.
INSERT INTO tickover.shadow_run (tick_id, function, sender, start_by)
SELECT t.id, asked.function, %(sender)s, now() + asked.start_by
FROM tickover.tick t, unnest(%(functions)s::text[], %(start_by)s::interval[]) AS asked (function, start_by)
WHERE t.dispatch_key = %(dispatch_key)s
ON CONFLICT (tick_id, function) DO NOTHING
