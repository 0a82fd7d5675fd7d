-- The oldest of the events that a list looked at; none where it looked at all there are.
SELECT internal_id FROM tickover_engine.event WHERE internal_id < %(before)s
ORDER BY internal_id DESC OFFSET %(looked)s - 1 LIMIT 1
