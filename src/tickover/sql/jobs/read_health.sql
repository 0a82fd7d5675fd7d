-- The oldest due job, and how many are due, counted up to a bound. A job whose lease has expired is due too.
WITH due AS (
  (SELECT id, kind, run_at FROM tickover.job
   WHERE state = %(queued)s AND run_at <= %(now)s AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s)
   ORDER BY run_at, id LIMIT %(bound)s)
  UNION ALL
  (SELECT id, kind, run_at FROM tickover.job
   WHERE state = %(running)s AND lease_expires_at < %(now)s AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s)
   ORDER BY run_at, id LIMIT %(bound)s)
)
SELECT id, kind, run_at, count(*) OVER () AS due FROM due ORDER BY run_at, id LIMIT 1
