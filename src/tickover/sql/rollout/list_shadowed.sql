-- Ticks that were shadowed since a moment, each beside what inline did, the newest first.
SELECT t.dispatch_key, t.requested_at, s.sender, s.start_by, s.send_error, s.runner, s.started_at, s.finished_at, s.summaries,
       o.state AS inline_state, o.started_at AS inline_started_at, o.finished_at AS inline_finished_at,
       coalesce((SELECT jsonb_object_agg(r.responsibility, r.summary) FROM tickover.responsibility_run r
                 WHERE r.obligation_id = o.id AND r.error IS NULL), '{}') AS inline_summaries
FROM tickover.shadow_run s
JOIN tickover.tick t ON t.id = s.tick_id
JOIN tickover.obligation o ON o.tick_id = s.tick_id AND o.function = s.function
WHERE s.function = %(function)s AND s.sent_at >= %(since)s
ORDER BY s.tick_id DESC LIMIT %(most)s
