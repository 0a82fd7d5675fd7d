-- The attempts at a job that failed or were lost; the one under way, and the one that succeeded, as its own row tells.
SELECT attempt, fence, started_at, ended_at, outcome, error, dispatch_key, path
FROM tickover.job_attempt WHERE job_id = %(id)s
UNION ALL
SELECT attempts, fence, NULL, finished_at, state, CASE WHEN state = %(succeeded)s AND attempts = 1 THEN last_error END, NULL, NULL
FROM tickover.job WHERE id = %(id)s AND state IN (%(running)s, %(succeeded)s)
ORDER BY fence
LIMIT %(limit)s
