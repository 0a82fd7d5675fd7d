-- The runs of an event, by either of its ids, or all; with the steps that ended or began to sleep, in order.
SELECT r.id, r.function_id, r.state, r.output, ARRAY(
  SELECT c.name FROM tickover_engine.call c
  WHERE c.run_id = r.id AND c.outcome = ANY (%(outcomes)s) AND c.name IS NOT NULL ORDER BY c.id
) AS steps
FROM tickover_engine.run r
WHERE %(event)s::text IS NULL OR r.internal_id = %(event)s
  OR r.internal_id IN (SELECT internal_id FROM tickover_engine.event WHERE event_id = %(event)s)
ORDER BY r.id
