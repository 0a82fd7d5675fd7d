-- The oldest ticks, a bounded number, if they are older than they are kept and nothing of them is owed any more. Those
-- that another tick is forgetting are passed over.
DELETE FROM tickover.tick WHERE id IN (
  SELECT t.id FROM tickover.tick t
  WHERE t.id IN (SELECT id FROM tickover.tick ORDER BY id LIMIT %(most)s)
    AND t.requested_at < now() - %(keep)s::interval
    AND NOT EXISTS (SELECT FROM tickover.obligation o WHERE o.tick_id = t.id AND o.state = ANY (%(unended)s))
  FOR UPDATE SKIP LOCKED
)
