-- The start of a job's own transaction: only who holds the job's lease gets its row, and nobody else until the commit.
-- Unless the server has limits of its own, it ends the transaction of a process that hangs, so that the row comes free.
SELECT j.id,
  CASE current_setting('statement_timeout') WHEN '0'
    THEN set_config('statement_timeout', %(limit_ms)s::text, true) END AS statements,
  CASE current_setting('idle_in_transaction_session_timeout') WHEN '0'
    THEN set_config('idle_in_transaction_session_timeout', %(limit_ms)s::text, true) END AS idleness
FROM tickover.job j
WHERE j.id = %(id)s AND j.fence = %(fence)s AND j.state = %(running)s
FOR NO KEY UPDATE
