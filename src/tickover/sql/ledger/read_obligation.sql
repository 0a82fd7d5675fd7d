-- Who holds an obligation, or carried it out; and whether the function is busy with another one.
SELECT o.state, o.path, o.run_id, o.lease_expires_at, o.lease_expires_at > now() AS alive, o.finished_at, o.error,
  c.path AS covered_path,
  EXISTS (SELECT 1 FROM tickover.obligation other
          WHERE other.function = o.function AND other.id <> o.id
            AND other.state = %(running)s AND other.lease_expires_at > now()) AS function_busy
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
LEFT JOIN tickover.obligation c ON c.id = o.covered_by
WHERE t.dispatch_key = %(dispatch_key)s AND o.function = %(function)s
