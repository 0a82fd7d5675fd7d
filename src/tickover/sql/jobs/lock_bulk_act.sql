-- The act, for the time of one batch, where it is still held under this fence and has not ended. Unless
-- the server has limits of its own, it ends the transaction of a process that hangs, so that another can go on.
SELECT id, act, filter, made_before, by, reason, state, done, skipped, total, is_total_exact, from_id, position, lowest_id, fence,
  created_at, updated_at, ended_at, error,
  CASE current_setting('statement_timeout') WHEN '0'
    THEN set_config('statement_timeout', %(limit_ms)s::text, true) END AS statements,
  CASE current_setting('idle_in_transaction_session_timeout') WHEN '0'
    THEN set_config('idle_in_transaction_session_timeout', %(limit_ms)s::text, true) END AS idleness
FROM tickover.bulk_act
WHERE id = %(id)s AND fence = %(fence)s AND state = ANY (%(unended)s)
FOR UPDATE
