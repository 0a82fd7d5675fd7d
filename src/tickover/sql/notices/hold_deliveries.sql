-- Deliveries that have to wait give their lease back.
UPDATE tickover.notice_delivery d SET lease_expires_at = NULL, due_at = held.until
FROM unnest(%(ids)s::bigint[], %(until)s::timestamptz[]) AS held (id, until) WHERE d.id = held.id AND d.state = 'due'
