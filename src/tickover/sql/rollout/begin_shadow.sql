-- A dry run begins, if its function still is a shadow and none has ended before.
UPDATE tickover.shadow_run s
SET run_id = %(run_id)s, runner = %(runner)s, started_at = coalesce(s.started_at, now())
FROM tickover.tick t
WHERE t.dispatch_key = %(dispatch_key)s AND s.tick_id = t.id AND s.function = %(function)s AND s.finished_at IS NULL
  AND EXISTS (SELECT 1 FROM tickover.control c WHERE c.function = s.function AND c.stage = 'shadow')
RETURNING t.client_id
