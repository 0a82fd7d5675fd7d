DELETE FROM tickover_engine.fault WHERE %(id)s::bigint IS NULL OR id = %(id)s
RETURNING id, kind, subject, remaining, probability, seconds, struck, until
