-- A ledger with a past: so many ticks of one route, each with two obligations and three responsibilities, one a minute until
-- now. All were carried out, by one path or another; the last few are as an engine leaves them that has just stopped running.
WITH ticks AS (
  INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, event_ids, requested_at)
  SELECT 'past-' || n, 'background-jobs', 'scheduled-time', 'dispatch', 'filled', 'filled',
    CASE WHEN n %% 5 = 0 THEN '{}' ELSE ARRAY['e1-' || n, 'e2-' || n] END, now() - n * interval '1 minute'
  FROM generate_series(%(ticks)s::bigint, 1, -1) AS n ORDER BY n DESC
  RETURNING id, requested_at, event_ids
), owed AS (
  INSERT INTO tickover.obligation
    (tick_id, function, state, path, fence, attempt, start_by, started_at, finished_at, created_at, accepted_at)
  SELECT id, function, 'succeeded', CASE WHEN id %% 7 = 0 THEN 'recovery' WHEN id %% 5 = 0 THEN 'inline' ELSE 'durable' END,
    1, 1, requested_at, requested_at, requested_at, requested_at, CASE WHEN event_ids <> '{}' THEN requested_at END
  FROM ticks, unnest(ARRAY['process-background-jobs', 'background-maintenance']) AS function
  RETURNING id, function, path, created_at
)
INSERT INTO tickover.responsibility_run (obligation_id, responsibility, path, attempt, fence, started_at, duration_ms, summary)
SELECT id, responsibility, path, 1, 1, created_at, 1.0, '{"looked_at": 0, "changed": 0, "left": 0, "error": null}'
FROM owed, unnest(CASE function WHEN 'process-background-jobs' THEN ARRAY['queue-drain']
                                ELSE ARRAY['prune-lead-memory', 'queue-health'] END) AS responsibility
