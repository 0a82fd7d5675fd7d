-- One tick probes an open circuit per rest, in all replicas together. A row comes back to the one that may.
INSERT INTO tickover.circuit AS c (route, state, probed_at) VALUES (%(route)s, 'open', now())
ON CONFLICT (route) DO UPDATE SET probed_at = now()
WHERE c.probed_at IS NULL OR c.probed_at <= now() - %(rest)s::interval
RETURNING c.route
