-- Win the oldest act that nobody is at, or a certain one; every winner has a higher fence.
UPDATE tickover.bulk_act b
SET fence = b.fence + 1, lease_expires_at = now() + make_interval(secs => %(lease_s)s)
WHERE b.id = (
  SELECT free.id FROM tickover.bulk_act free
  WHERE free.state IN ('running', 'stopping') AND (free.lease_expires_at IS NULL OR free.lease_expires_at < now())
    AND (%(id)s::bigint IS NULL OR free.id = %(id)s)
  ORDER BY free.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING b.id, b.fence
