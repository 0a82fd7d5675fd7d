-- The kinds of all jobs that have not ended.
SELECT DISTINCT kind FROM tickover.job WHERE state IN (%(scheduled)s, %(queued)s, %(running)s) ORDER BY kind
