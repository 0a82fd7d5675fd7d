-- The newest job that was made by then; 0 where there is none.
SELECT tickover.newest_job_before(%(at)s)
