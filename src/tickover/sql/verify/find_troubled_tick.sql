-- The newest tick that did not go well, among the newest of each route: its send failed, or something it owes failed, is
-- late, had to be recovered, or was accepted a while ago and has not begun.
SELECT t.dispatch_key
FROM unnest(%(routes)s::text[]) AS asked (route) CROSS JOIN LATERAL (
  SELECT id, dispatch_key, event_ids, error, requested_at FROM tickover.tick
  WHERE route = asked.route ORDER BY requested_at DESC LIMIT %(most)s
) AS t
WHERE t.error IS NOT NULL OR EXISTS (
  SELECT 1 FROM tickover.obligation o
  WHERE o.tick_id = t.id AND (
    o.state = %(failed)s OR o.path = %(recovery)s OR tickover.is_late(o)
    OR (o.state = %(accepted)s AND t.requested_at < now() - %(patience)s::interval)
    OR (t.event_ids <> '{}' AND o.state = %(covered)s AND tickover.fate(o) = 'missed')))
ORDER BY t.requested_at DESC LIMIT 1
