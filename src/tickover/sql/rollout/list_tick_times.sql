-- When a route's ticks came since a moment, the newest first; continuations are no ticks of cron's.
SELECT requested_at FROM tickover.tick
WHERE route = %(route)s AND requested_at >= %(since)s AND identity_source <> 'continuation'
ORDER BY requested_at DESC LIMIT %(most)s
