-- A circuit that changed is announced once, whoever sees it first; the change and what it stood on are kept.
WITH changed AS (
  INSERT INTO tickover.circuit AS c (route, state) VALUES (%(route)s, %(state)s)
  ON CONFLICT (route) DO UPDATE SET state = excluded.state, since = now() WHERE c.state <> excluded.state
  RETURNING c.route
)
INSERT INTO tickover.audit (action, subject, by, reason, evidence)
SELECT %(action)s, changed.route, %(by)s, %(reason)s, %(evidence)s FROM changed
RETURNING id
