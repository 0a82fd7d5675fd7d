-- What each responsibility did.
SELECT obligation_id, responsibility, path, started_at, duration_ms, (summary ->> 'changed')::integer AS changed, error
FROM tickover.responsibility_run ORDER BY id
