-- What a dry run would have done.
UPDATE tickover.shadow_run s SET finished_at = now(), summaries = %(summaries)s
FROM tickover.tick t
WHERE t.dispatch_key = %(dispatch_key)s AND s.tick_id = t.id AND s.function = %(function)s AND s.run_id = %(run_id)s
