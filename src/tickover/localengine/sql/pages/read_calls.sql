SELECT step_id, attempt, outcome, name, http_status, error, queued_at, started_at, ended_at
FROM tickover_engine.call WHERE run_id = %(id)s ORDER BY id LIMIT %(most)s
