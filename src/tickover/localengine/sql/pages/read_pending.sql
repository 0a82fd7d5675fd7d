-- What a run waits for; a call that is never made has no time.
SELECT step_id, attempt, name, wakes IS NOT NULL AS sleeps, coalesce(leased_to > now(), false) AS called, queued_at,
  CASE WHEN due_at < 'infinity' THEN due_at END AS due_at
FROM tickover_engine.item WHERE run_id = %(id)s ORDER BY id LIMIT %(most)s
