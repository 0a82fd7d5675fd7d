-- Events that arrived before a time and whose runs are gone, or never were.
DELETE FROM tickover_engine.event WHERE internal_id IN (
  SELECT e.internal_id FROM tickover_engine.event e
  WHERE e.received_at < %(before)s AND NOT EXISTS (SELECT FROM tickover_engine.run r WHERE r.internal_id = e.internal_id)
  ORDER BY e.received_at LIMIT %(batch)s
)
