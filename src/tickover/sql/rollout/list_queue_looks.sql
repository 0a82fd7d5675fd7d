-- What the responsibilities that watch the queue have said since a moment, the newest first.
SELECT r.started_at AS at, (r.summary ->> 'stale')::boolean AS stale
FROM unnest(%(responsibilities)s::text[]) AS asked (responsibility)
CROSS JOIN LATERAL (
  SELECT started_at, summary FROM tickover.responsibility_run
  WHERE responsibility = asked.responsibility AND started_at >= %(since)s AND summary ? 'stale'
  ORDER BY started_at DESC LIMIT %(most)s
) AS r
ORDER BY r.started_at DESC LIMIT %(most)s
