-- The kinds of all jobs that have not ended.
SELECT DISTINCT kind FROM tickover.job WHERE state IN (%(queued)s, %(running)s) ORDER BY kind
