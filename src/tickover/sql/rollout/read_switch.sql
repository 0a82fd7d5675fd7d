-- Whether the newest tick of a route found it switched off, and why.
SELECT requested_at AS at, switched_off FROM tickover.tick
WHERE route = %(route)s AND identity_source <> 'continuation'
ORDER BY requested_at DESC LIMIT 1
