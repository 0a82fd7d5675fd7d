-- What a tick owes, in the order of its events, with who covered it and who keeps its function busy.
SELECT o.function, o.state, o.path, o.run_id, o.attempt, o.lease_expires_at, o.start_by, o.finish_by, o.started_at,
  o.error, o.fenced_off, o.accepted_at IS NOT NULL AS accepted, tickover.is_late(o) AS late, (o.state = %(running)s AND o.lease_expires_at > now()) AS held,
  coalesce(o.path = %(durable)s, false) OR EXISTS (
    SELECT 1 FROM tickover.responsibility_run r WHERE r.obligation_id = o.id AND r.path = %(durable)s) AS durable,
  covering.dispatch_key AS covered_key, c.path AS covered_path, c.started_at AS covered_started_at,
  busy.dispatch_key AS busy_key, busy.lease_expires_at AS busy_until
FROM tickover.tick t JOIN tickover.obligation o ON o.tick_id = t.id
LEFT JOIN tickover.obligation c ON c.id = o.covered_by
LEFT JOIN tickover.tick covering ON covering.id = c.tick_id
LEFT JOIN LATERAL (
  SELECT bt.dispatch_key, b.lease_expires_at FROM tickover.obligation b JOIN tickover.tick bt ON bt.id = b.tick_id
  WHERE b.function = o.function AND b.id <> o.id AND b.state = %(running)s AND b.lease_expires_at > now()
  ORDER BY b.id DESC LIMIT 1
) AS busy ON true
WHERE t.dispatch_key = %(dispatch_key)s
ORDER BY o.id
