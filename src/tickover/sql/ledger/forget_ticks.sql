-- The oldest ticks, a bounded number, if they are older than they are kept and nothing of them is owed any more. Those
-- that another tick is forgetting are passed over.
WITH oldest AS MATERIALIZED (
  SELECT id, requested_at FROM tickover.tick ORDER BY id LIMIT %(most)s
), gone AS MATERIALIZED (
  SELECT t.id FROM oldest JOIN tickover.tick t ON t.id = oldest.id
  WHERE oldest.requested_at < now() - %(keep)s::interval
    AND NOT EXISTS (SELECT FROM tickover.obligation o WHERE o.tick_id = oldest.id AND o.state = ANY (%(unended)s))
  FOR UPDATE OF t SKIP LOCKED
)
DELETE FROM tickover.tick WHERE id IN (SELECT id FROM gone)
