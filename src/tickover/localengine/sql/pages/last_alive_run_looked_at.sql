-- Where a look back over a bounded number of calls to come ends, if there are more.
SELECT run_id FROM tickover_engine.item WHERE %(before)s::text IS NULL OR run_id < %(before)s
ORDER BY run_id DESC OFFSET %(window)s - 1 LIMIT 1
