-- Somebody had a test message sent.
INSERT INTO tickover.audit (action, subject, by, reason, evidence)
VALUES ('notices.tested', %(subject)s, %(by)s, 'a test message', %(evidence)s)
