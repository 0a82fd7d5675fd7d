-- Runs that have not ended, newest first. Each has a call to come, so that the queue finds them however many have ended;
-- only so many of its rows are looked at.
WITH looked AS (
  SELECT run_id FROM tickover_engine.item WHERE run_id < %(before)s ORDER BY run_id DESC LIMIT %(looked)s
), alive AS (
  SELECT DISTINCT run_id AS id FROM looked
)
SELECT r.id, r.function_id, r.internal_id, e.name AS event, r.state, r.created_at, r.started_at, r.ended_at
FROM alive JOIN tickover_engine.run r USING (id) LEFT JOIN tickover_engine.event e USING (internal_id)
WHERE r.state = %(state)s AND (%(function)s = '' OR r.function_id = %(function)s) AND (%(event)s = '' OR e.name = %(event)s)
ORDER BY r.id DESC LIMIT %(most)s
