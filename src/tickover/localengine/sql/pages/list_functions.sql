-- Everything that is registered, with when its cron triggers fire next.
SELECT f.id, f.app, f.url, f.config,
  (SELECT jsonb_object_agg(s.cron, s.next_at) FROM tickover_engine.schedule s WHERE s.function_id = f.id) AS schedules
FROM tickover_engine.function f ORDER BY f.app, f.id LIMIT %(most)s
