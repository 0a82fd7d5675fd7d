-- That a Redis was sealed; the database keeps the audit of both.
INSERT INTO tickover.audit (action, subject, by, reason, evidence)
VALUES (%(action)s, 'redis', %(by)s, %(reason)s, %(evidence)s)
