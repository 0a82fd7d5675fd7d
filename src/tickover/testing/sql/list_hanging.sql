-- The calls of an event's runs, or of all, that are due by a time, each with the newest answer that its run got. A call
-- that is being made was due before.
SELECT i.run_id, r.function_id AS function, i.step_id AS step, i.attempt, coalesce(i.leased_to > now(), false) AS called,
  f.id IS NOT NULL AS registered, c.name AS last_step, c.http_status AS last_status, c.error AS last_error
FROM tickover_engine.item i
JOIN tickover_engine.run r ON r.id = i.run_id
LEFT JOIN tickover_engine.function f ON f.id = r.function_id
LEFT JOIN LATERAL (
  SELECT name, http_status, error FROM tickover_engine.call WHERE run_id = r.id AND outcome <> %(woke)s ORDER BY id DESC LIMIT 1
) AS c ON true
WHERE i.due_at <= %(soon)s AND (
  %(event)s::text IS NULL OR r.internal_id = %(event)s
  OR r.internal_id IN (SELECT internal_id FROM tickover_engine.event WHERE event_id = %(event)s)
)
ORDER BY i.id
