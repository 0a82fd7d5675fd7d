-- A run's calls to come; one that never will be made has no time at which it is due.
SELECT id, step_id, attempt, name, queued_at, CASE WHEN isfinite(due_at) THEN due_at END AS due_at,
  coalesce(leased_to > now(), false) AS leased, wakes IS NOT NULL AS sleeps
FROM tickover_engine.item WHERE run_id = %(run)s ORDER BY id LIMIT %(most)s
