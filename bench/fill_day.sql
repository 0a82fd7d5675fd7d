-- A day as it happens, for pictures: a tick a minute. For three minutes the engine refused the events, then the circuit was open for
-- six; once the engine did not begin, one run failed, and one tick never came. Durations and counts vary as a hash says.
WITH past AS (
  SELECT n, date_trunc('minute', %(now)s::timestamptz) - n * interval '1 minute' AS at,
    CASE WHEN n BETWEEN 400 AND 402 THEN 'fallback' WHEN n BETWEEN 394 AND 399 THEN 'inline' WHEN n = 391 THEN 'recovery' ELSE 'durable' END AS path
  FROM generate_series(1439, 1, -1) AS n WHERE n <> 900
), ticks AS (
  INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, event_ids, error, requested_at, completed_at)
  SELECT 'background-jobs:v1:at:' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'background-jobs', 'scheduled-time',
    CASE path WHEN 'fallback' THEN 'fallback' WHEN 'inline' THEN 'inline' ELSE 'dispatch' END,
    CASE path WHEN 'fallback' THEN 'send failed' WHEN 'inline' THEN 'circuit open' ELSE 'BACKGROUND_JOBS_USE_INNGEST is on' END,
    md5(n::text), CASE WHEN path IN ('durable', 'recovery') THEN ARRAY['01' || upper(md5('p' || n)), '01' || upper(md5('m' || n))] ELSE '{}' END,
    CASE path WHEN 'fallback' THEN '{"kind": "refused", "detail": "nobody listens at the engine''s address", "httpStatus": null}'::jsonb END,
    at, at + interval '80 ms'
  FROM past ORDER BY n DESC
  RETURNING id, requested_at, dispatch_key
), owed AS (
  INSERT INTO tickover.obligation
    (tick_id, function, state, path, run_id, fence, attempt, start_by, finish_by, started_at, finished_at, created_at, accepted_at, error, failed_durably)
  SELECT t.id, f.function, CASE WHEN failed THEN 'failed' ELSE 'succeeded' END, p.path,
    CASE WHEN p.path = 'durable' THEN '01' || upper(substr(md5(f.function || p.n), 1, 24)) END,
    1, CASE WHEN failed THEN 6 ELSE 1 END, p.at + interval '3 minutes', p.at + interval '15 minutes',
    p.at + delay * interval '1 ms', p.at + (delay + took) * interval '1 ms', p.at,
    CASE WHEN p.path IN ('durable', 'recovery') THEN p.at + interval '40 ms' END,
    CASE WHEN failed THEN 'ConnectionError: mail.example.com did not answer within 10 s' END, failed
  FROM ticks t JOIN past p ON p.at = t.requested_at
  CROSS JOIN (VALUES ('process-background-jobs', 900), ('background-maintenance', 300)) AS f (function, usual)
  CROSS JOIN LATERAL (
    SELECT f.function = 'process-background-jobs' AND p.n = 700 AS failed,
      CASE p.path WHEN 'recovery' THEN 200000 ELSE 90 + abs(hashtext(f.function || p.n)) %% 160 END AS delay,
      f.usual * (0.6 + abs(hashtext('d' || f.function || p.n)) %% 100 / 110.0 + 0.5 * sin(p.n / 180.0)) AS took) x
  RETURNING id, function, path, started_at, finished_at, error
)
INSERT INTO tickover.responsibility_run (obligation_id, responsibility, path, attempt, fence, started_at, duration_ms, summary, error)
SELECT o.id, r.responsibility, o.path, 1, 1, o.started_at, extract(epoch FROM o.finished_at - o.started_at) * 1000 * r.share,
  jsonb_build_object('looked_at', n, 'changed', n, 'left', 0, 'error', o.error), o.error
FROM owed o JOIN (VALUES
  ('process-background-jobs', 'queue-drain', 0.95, 40), ('background-maintenance', 'stale-draft-recovery', 0.2, 3),
  ('background-maintenance', 'prune-draft-pipeline-runs', 0.3, 12), ('background-maintenance', 'prune-lead-memory', 0.2, 8),
  ('background-maintenance', 'prune-workspace-memory', 0.1, 2), ('background-maintenance', 'queue-health', 0.1, 0)
) AS r (function, responsibility, share, usual) ON r.function = o.function
CROSS JOIN LATERAL (SELECT CASE WHEN o.error IS NOT NULL THEN 0 ELSE abs(hashtext(r.responsibility || o.id)) %% (2 * r.usual + 1) END AS n) x
;
-- How the queue stood: it grew while the engine was away.
INSERT INTO tickover.queue_sample (at, due, oldest_age_s)
SELECT date_trunc('minute', %(now)s::timestamptz) - n * interval '1 minute',
  20 + abs(hashtext('q' || n)) %% 30 + CASE WHEN n BETWEEN 380 AND 402 THEN 400 - abs(391 - n) * 30 ELSE 0 END,
  abs(hashtext('a' || n)) %% 40 + CASE WHEN n BETWEEN 380 AND 402 THEN 200 - abs(391 - n) * 15 ELSE 0 END
FROM generate_series(1439, 1, -1) AS n
ON CONFLICT DO NOTHING
