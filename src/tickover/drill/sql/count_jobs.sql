-- The jobs, and what their handlers left.
SELECT (SELECT count(*) FROM tickover.job) AS jobs, (SELECT count(*) FROM tickover.job WHERE state = 'succeeded') AS succeeded,
  (SELECT count(DISTINCT job_id) FROM drill.effect) AS with_effect, (SELECT count(*) FROM drill.effect) AS effects
