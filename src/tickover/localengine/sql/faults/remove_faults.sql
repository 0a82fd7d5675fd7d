-- Those that had ended before are dropped too, but nobody ended them now.
WITH gone AS (
  DELETE FROM tickover_engine.fault WHERE %(id)s::bigint IS NULL OR id = %(id)s
  RETURNING id, kind, subject, remaining, probability, seconds, struck, until
)
SELECT * FROM gone WHERE until > now() AND (remaining IS NULL OR remaining > 0)
