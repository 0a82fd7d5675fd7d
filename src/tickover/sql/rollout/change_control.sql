-- Compare and set, with an audit row: no row comes back where another change came first. Evidence counts from the moment a
-- function came to stand where it stands, so a change that leaves it there does not touch that moment.
WITH changed AS (
  INSERT INTO tickover.control AS c
    (function, stage, percent, version, changed_by, reason, changed_at, held, auto, rolled_back)
  VALUES (%(function)s, %(stage)s, %(percent)s, 1, %(by)s, %(reason)s, now(), %(held)s, %(auto)s, %(rolled_back)s)
  ON CONFLICT (function) DO UPDATE SET
    stage = excluded.stage, percent = excluded.percent, version = c.version + 1, changed_by = excluded.changed_by,
    reason = excluded.reason, held = excluded.held, auto = excluded.auto, rolled_back = excluded.rolled_back,
    changed_at = CASE WHEN (c.stage, c.percent) IS DISTINCT FROM (excluded.stage, excluded.percent)
                      THEN excluded.changed_at ELSE c.changed_at END
  WHERE c.version = %(version)s
  RETURNING c.function, c.stage, c.percent, c.version, c.changed_by, c.reason, c.changed_at, c.held, c.auto, c.rolled_back
), told AS (
  INSERT INTO tickover.audit (action, subject, by, reason, evidence)
  SELECT %(action)s, function, changed_by, reason,
         %(evidence)s::jsonb || jsonb_build_object('from', %(before)s::text, 'to', %(after)s::text, 'version', version)
  FROM changed
)
SELECT * FROM changed
