SELECT id, kind, subject, remaining, probability, seconds, struck, until FROM tickover_engine.fault
WHERE until > now() AND (remaining IS NULL OR remaining > 0) ORDER BY id
