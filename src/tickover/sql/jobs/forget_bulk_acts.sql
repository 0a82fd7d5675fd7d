-- Drop a few acts that ended long ago; the audit keeps who began them.
DELETE FROM tickover.bulk_act WHERE id = ANY (ARRAY(
  SELECT id FROM tickover.bulk_act WHERE ended_at < now() - %(keeping)s::interval ORDER BY id LIMIT 500))
