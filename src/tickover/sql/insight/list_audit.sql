-- The newest acts that are kept, on one subject where that is asked for, below a place.
SELECT id, at, action, subject, by, reason, evidence FROM tickover.audit
WHERE (%(subject)s::text IS NULL OR subject = %(subject)s) AND id < coalesce(%(before)s::bigint, 9223372036854775807)
ORDER BY id DESC LIMIT %(limit)s
