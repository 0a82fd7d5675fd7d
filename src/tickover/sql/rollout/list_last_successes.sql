-- When each responsibility last succeeded since a moment, in one scope, a client's or the global one. One that left work behind
-- has not done all that was due.
SELECT asked.responsibility, (
    SELECT CASE WHEN (r.summary ->> 'left')::bigint = 0 THEN r.started_at END
    FROM tickover.responsibility_run r JOIN tickover.obligation o ON o.id = r.obligation_id
    WHERE r.responsibility = asked.responsibility AND r.started_at > %(since)s AND r.error IS NULL
      AND o.client_id IS NOT DISTINCT FROM %(client_id)s
    ORDER BY r.started_at DESC LIMIT 1) AS at
FROM unnest(%(responsibilities)s::text[]) AS asked (responsibility)
