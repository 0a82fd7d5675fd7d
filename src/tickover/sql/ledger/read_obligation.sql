-- Who holds an obligation, or carried it out.
SELECT o.state, o.path, o.run_id, o.lease_expires_at, o.error, c.path AS covered_path,
       tickover.is_inline(o.function) AS rolled_back
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
LEFT JOIN tickover.obligation c ON c.id = o.covered_by
WHERE t.dispatch_key = %(dispatch_key)s AND o.function = %(function)s
