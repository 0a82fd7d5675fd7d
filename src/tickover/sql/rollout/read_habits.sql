-- How a route's functions behaved within the last day: attempts per run of the engine, continuations per tick that was handed
-- over, and the share of ticks at which nothing was due.
WITH ticks AS MATERIALIZED (
  SELECT id, identity_source, idle FROM tickover.tick
  WHERE route = %(route)s AND requested_at > now() - interval '1 day' AND client_id IS NULL AND identity_source <> 'canary'
), seen AS (
  SELECT o.function,
    avg(o.attempt) FILTER (WHERE o.path = %(durable)s AND o.attempt > 0) AS attempts,
    count(*) FILTER (WHERE ticks.identity_source = 'continuation') AS continued,
    count(*) FILTER (WHERE ticks.identity_source <> 'continuation' AND o.accepted_at IS NOT NULL) AS handed_over
  FROM ticks JOIN tickover.obligation o ON o.tick_id = ticks.id GROUP BY o.function
)
SELECT asked.function, coalesce(seen.attempts, 1)::double precision AS attempts,
  coalesce(seen.continued::double precision / nullif(seen.handed_over, 0), 0) AS continuations,
  coalesce((SELECT avg((asked.function = ANY (ticks.idle))::int) FROM ticks WHERE identity_source <> 'continuation'), 0)
    ::double precision AS idle
FROM unnest(%(functions)s::text[]) WITH ORDINALITY AS asked (function, place)
LEFT JOIN seen ON seen.function = asked.function
ORDER BY asked.place
