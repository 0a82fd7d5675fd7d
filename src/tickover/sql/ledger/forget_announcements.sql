-- The oldest of what was announced of circuits, a bounded number, if it is older than it is kept. Who changed what by hand
-- stays.
DELETE FROM tickover.audit WHERE id IN (
  SELECT id FROM tickover.audit WHERE action IN ('circuit.opened', 'circuit.closed') AND at < now() - %(keep)s::interval
  ORDER BY id LIMIT %(most)s)
