-- The newest events before an id, of those among a bounded number that fit; with how many runs each started.
WITH looked_at AS (
  SELECT internal_id, event_id, name, received_at FROM tickover_engine.event
  WHERE %(before)s::text IS NULL OR internal_id < %(before)s ORDER BY internal_id DESC LIMIT %(window)s
), fitting AS (
  SELECT * FROM looked_at WHERE %(name)s::text IS NULL OR name = %(name)s ORDER BY internal_id DESC LIMIT %(most)s
)
SELECT f.*, (SELECT count(*) FROM tickover_engine.run r WHERE r.internal_id = f.internal_id) AS runs
FROM fitting f ORDER BY f.internal_id DESC
