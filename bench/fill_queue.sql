-- A full queue: jobs of as many clients as asked for and of twenty kinds. Half of them have ended well; of the rest most are due
-- or dead, some wait for their time, a few run, and some were discarded. The oldest are the dead ones, so that looks for the
-- newest do not meet them.
INSERT INTO tickover.job (kind, client_id, payload, state, priority, run_at, attempts, last_error, created_at, finished_at,
  lease_expires_at, fence)
SELECT 'kind-' || n %% 20, 'client-' || lpad((n * 7919 %% %(clients)s)::text, 6, '0'), jsonb_build_object('n', n, 'text', repeat('x', 100)),
  s.state, CASE WHEN n %% 5 = 0 THEN 10 ELSE 0 END,
  CASE WHEN s.state = 'scheduled' THEN now() + interval '1 hour' ELSE now() - interval '1 day' * (1 - n::float8 / %(jobs)s) END,
  CASE WHEN s.state = 'dead' THEN 5 ELSE 1 END,
  CASE WHEN s.state = 'dead' THEN 'ValueError: lead ' || n || ' has no address: ' || repeat('y', 60) END,
  now() - interval '1 day' * (1 - n::float8 / %(jobs)s),
  CASE WHEN s.state IN ('succeeded', 'dead', 'discarded') THEN now() END,
  CASE WHEN s.state = 'running' THEN now() + interval '1 hour' END, 1
FROM generate_series(1, %(jobs)s::bigint) AS n CROSS JOIN LATERAL (
  SELECT CASE
    WHEN n <= %(jobs)s * 0.2 THEN 'dead'
    WHEN n <= %(jobs)s * 0.21 THEN 'discarded'
    WHEN n <= %(jobs)s * 0.4 THEN 'queued'
    WHEN n <= %(jobs)s * 0.45 THEN 'scheduled'
    WHEN n <= %(jobs)s * 0.45 + 200 THEN 'running'
    ELSE 'succeeded' END AS state) s
