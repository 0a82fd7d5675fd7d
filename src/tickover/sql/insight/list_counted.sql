-- What each responsibility did in each part of a span, of its newest runs.
SELECT r.responsibility, r.part, count(*) AS runs,
  count(*) FILTER (WHERE r.error IS NOT NULL) AS failed,
  coalesce(sum((r.summary ->> 'looked_at')::bigint), 0)::bigint AS looked_at,
  coalesce(sum((r.summary ->> 'changed')::bigint), 0)::bigint AS changed,
  coalesce((array_agg((r.summary ->> 'left')::bigint ORDER BY r.started_at DESC))[1], 0) AS left,
  avg(r.duration_ms) AS mean_ms
FROM unnest(%(responsibilities)s::text[]) AS asked (responsibility) CROSS JOIN LATERAL (
  SELECT n.responsibility, n.started_at, n.duration_ms, n.summary, n.error,
    floor(extract(epoch FROM n.started_at - %(since)s::timestamptz) / extract(epoch FROM %(width)s::interval))::integer AS part
  FROM tickover.responsibility_run n
  WHERE n.responsibility = asked.responsibility AND n.started_at > %(since)s
  ORDER BY n.started_at DESC LIMIT %(most)s
) r
GROUP BY r.responsibility, r.part
ORDER BY r.responsibility, r.part
