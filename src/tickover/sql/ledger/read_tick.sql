-- A tick with its obligations, and whether each could still be on its way: a dispatch that has not been
-- heard of for `settle_s` seconds came to nothing.
SELECT t.dispatch_key, t.correlation_id, t.mode, t.event_ids, o.id, o.function, o.state, o.path, o.run_id, o.attempt,
       o.error, o.state = %(owed)s AND o.created_at < now() - make_interval(secs => %(settle_s)s) AS stranded
FROM tickover.tick t JOIN tickover.obligation o ON o.tick_id = t.id
WHERE t.dispatch_key = %(dispatch_key)s
ORDER BY o.id
