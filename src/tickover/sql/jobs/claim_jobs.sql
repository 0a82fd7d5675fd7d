-- The one way to win jobs, in the order in which they are to be started. One statement, so that no process that hangs
-- between two can hold up the others. The payload comes as text: one that Python cannot parse must not spoil the batch.
SELECT id, fence, kind, client_id, payload, attempt, max_attempts, timeout_s, lane
FROM tickover.claim_jobs(
  %(room)s, %(fairly)s, %(client_id)s, %(lease_s)s, %(quota)s, %(max_running)s, %(except_kinds)s,
  %(reap)s, %(obligation_id)s, %(fence)s)
ORDER BY turn
