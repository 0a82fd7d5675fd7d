-- The oldest of the runs that a list of alive ones looked at; none where it looked at all there are.
SELECT run_id FROM tickover_engine.item WHERE run_id < %(before)s ORDER BY run_id DESC OFFSET %(looked)s - 1 LIMIT 1
