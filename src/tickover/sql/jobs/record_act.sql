-- Who did what to which jobs, and why.
INSERT INTO tickover.audit (action, subject, by, reason, evidence)
VALUES (%(action)s, %(subject)s, %(by)s, %(reason)s, %(evidence)s)
