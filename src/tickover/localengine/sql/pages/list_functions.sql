-- Everything that is registered, with its cron triggers and when they fire next.
SELECT f.id, f.app, f.url, f.config, coalesce(s.crons, '{}') AS crons, coalesce(s.times, '{}') AS times
FROM tickover_engine.function f
LEFT JOIN LATERAL (
  SELECT array_agg(cron ORDER BY cron) AS crons, array_agg(next_at ORDER BY cron) AS times
  FROM tickover_engine.schedule WHERE function_id = f.id
) AS s ON true
ORDER BY f.app, f.id LIMIT %(most)s
