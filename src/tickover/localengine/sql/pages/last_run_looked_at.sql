-- Where a look back over a bounded number of runs ends, if there are more.
SELECT id FROM tickover_engine.run WHERE %(before)s::text IS NULL OR id < %(before)s
ORDER BY id DESC OFFSET %(window)s - 1 LIMIT 1
