-- What became of the events of a function that the engine accepted since a moment, the newest first.
SELECT t.dispatch_key, t.requested_at, o.accepted_at, o.started_at, o.finished_at, tickover.fate(o) AS fate,
       o.failed_durably AS failed, o.fenced_off > 0 AS twice
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
WHERE o.function = %(function)s AND o.accepted_at >= %(since)s
ORDER BY o.accepted_at DESC LIMIT %(most)s
