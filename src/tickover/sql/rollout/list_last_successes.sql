-- When each responsibility last succeeded in one scope, a client's or the global one.
SELECT asked.responsibility, (
    SELECT r.started_at FROM tickover.responsibility_run r JOIN tickover.obligation o ON o.id = r.obligation_id
    WHERE r.responsibility = asked.responsibility AND r.error IS NULL AND o.client_id IS NOT DISTINCT FROM %(client_id)s
    ORDER BY r.started_at DESC LIMIT 1) AS at
FROM unnest(%(responsibilities)s::text[]) AS asked (responsibility)
