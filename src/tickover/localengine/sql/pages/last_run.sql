-- The oldest of the runs that a list looked at; none where it looked at all there are.
SELECT id FROM tickover_engine.run WHERE id < %(before)s ORDER BY id DESC OFFSET %(looked)s - 1 LIMIT 1
