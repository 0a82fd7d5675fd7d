UPDATE tickover_engine.fault SET remaining = remaining - 1, struck = struck + 1
WHERE id = %(id)s AND until > now() AND (remaining IS NULL OR remaining > 0)
RETURNING id, kind, subject, remaining, probability, seconds, struck, until
