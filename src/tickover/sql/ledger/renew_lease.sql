-- No row where another executor has taken over.
UPDATE tickover.obligation SET lease_expires_at = now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND fence = %(fence)s AND state = %(running)s
RETURNING lease_expires_at
