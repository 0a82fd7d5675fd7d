-- Where a look back over a bounded number of events ends, if there are more.
SELECT internal_id FROM tickover_engine.event WHERE %(before)s::text IS NULL OR internal_id < %(before)s
ORDER BY internal_id DESC OFFSET %(window)s - 1 LIMIT 1
