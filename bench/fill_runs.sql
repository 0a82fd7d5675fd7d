-- Finished runs with their events and calls, as many as asked for, over the last day.
WITH n AS (SELECT generate_series(1, %(count)s) AS n), event AS (
  INSERT INTO tickover_engine.event (internal_id, event_id, name, body, received_at)
  SELECT 'old-' || n, 'old-' || n, 'bench/one',
    jsonb_build_object('id', 'old-' || n, 'name', 'bench/one', 'data', '{}'::jsonb, 'ts', 0, 'user', '{}'::jsonb),
    now() - make_interval(secs => n * 0.08)
  FROM n
), run AS (
  INSERT INTO tickover_engine.run (id, function_id, internal_id, state, created_at, started_at, ended_at)
  SELECT 'old-' || n, 'bench-one', 'old-' || n, 'completed', t, t, t
  FROM n, LATERAL (SELECT now() - make_interval(secs => n * 0.08) AS t) AS at
)
INSERT INTO tickover_engine.seen (key, at) SELECT 'event:bench-one:' || n, now() - make_interval(secs => n * 0.08) FROM n
