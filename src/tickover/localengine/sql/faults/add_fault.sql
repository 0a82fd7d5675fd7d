-- A new fault; those that have ended are forgotten.
WITH ended AS (
  DELETE FROM tickover_engine.fault WHERE until <= now() OR remaining = 0
)
INSERT INTO tickover_engine.fault (kind, subject, remaining, probability, seconds, until)
VALUES (%(kind)s, %(subject)s, %(remaining)s, %(probability)s, %(seconds)s, now() + make_interval(secs => %(for_seconds)s))
RETURNING id, kind, subject, remaining, probability, seconds, struck, until
