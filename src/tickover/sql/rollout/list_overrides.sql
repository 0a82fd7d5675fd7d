-- Each time that somebody went on against the evidence; these are shown for ever.
SELECT at, by, reason, evidence ->> 'from' AS before, evidence ->> 'to' AS after
FROM tickover.audit
WHERE subject = %(function)s AND action = 'rollout.overridden'
ORDER BY id DESC
