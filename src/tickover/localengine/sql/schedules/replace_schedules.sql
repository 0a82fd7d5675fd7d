-- The cron triggers of an app's functions replace those it had; one that stands already keeps its time.
WITH given AS (
  SELECT * FROM unnest(%(functions)s::text[], %(crons)s::text[], %(times)s::timestamptz[]) AS g (function_id, cron, next_at)
), gone AS (
  DELETE FROM tickover_engine.schedule s USING tickover_engine.function f
  WHERE f.id = s.function_id AND f.app = %(app)s AND (s.function_id, s.cron) NOT IN (SELECT function_id, cron FROM given)
)
INSERT INTO tickover_engine.schedule (function_id, cron, next_at)
SELECT function_id, cron, next_at FROM given ORDER BY function_id, cron
ON CONFLICT DO NOTHING
