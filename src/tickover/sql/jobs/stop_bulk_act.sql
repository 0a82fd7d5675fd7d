-- An act is to end, with an audit row; where nobody is at it, it has ended at once.
WITH told AS (
  UPDATE tickover.bulk_act
  SET state = CASE WHEN lease_expires_at > now() THEN %(stopping)s ELSE %(stopped)s END,
      ended_at = CASE WHEN lease_expires_at > now() THEN NULL ELSE now() END,
      lease_expires_at = CASE WHEN lease_expires_at > now() THEN lease_expires_at END,
      updated_at = now()
  WHERE id = %(id)s AND state = %(running)s
  RETURNING id, act, filter, done
)
INSERT INTO tickover.audit (action, subject, by, reason, evidence)
SELECT %(action)s, 'jobs', %(by)s, %(reason)s, jsonb_build_object('bulk_act', id, 'act', act, 'filter', filter, 'done', done)
FROM told
