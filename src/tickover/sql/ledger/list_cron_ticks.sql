-- A route's newest ticks as cron fired them; those of a client, continuations and canaries have a rhythm of their own.
SELECT dispatch_key, identity_source, requested_at, mode FROM tickover.tick
WHERE route = %(route)s AND client_id IS NULL AND identity_source NOT IN ('continuation', 'canary')
ORDER BY requested_at DESC LIMIT %(most)s
