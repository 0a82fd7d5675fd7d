-- Runs of the engine that have begun an obligation and have not ended it, with what they have done of it so far.
SELECT o.id, o.function, t.dispatch_key, coalesce(o.state = %(running)s AND o.lease_expires_at > now(), false) AS is_alive,
       ARRAY(SELECT r.responsibility FROM tickover.responsibility_run r
             WHERE r.obligation_id = o.id AND r.error IS NULL ORDER BY r.id) AS done
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
WHERE o.function = ANY (%(functions)s) AND o.path = %(durable)s AND o.state IN (%(running)s, %(retrying)s, %(interrupted)s)
ORDER BY o.id
