-- The newest runs of each responsibility.
SELECT asked.responsibility, newest.started_at, newest.changed, newest.left, newest.error
FROM unnest(%(responsibilities)s::text[]) AS asked (responsibility)
CROSS JOIN LATERAL (
  SELECT r.started_at, (r.summary ->> 'changed')::bigint AS changed, (r.summary ->> 'left')::bigint AS left, r.error
  FROM tickover.responsibility_run r WHERE r.responsibility = asked.responsibility ORDER BY r.started_at DESC LIMIT %(most)s
) AS newest
ORDER BY asked.responsibility, newest.started_at DESC
