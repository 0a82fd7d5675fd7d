-- For this transaction alone. The index is walked in its own order, whatever the statistics of a table that was just filled
-- say; nobody is waited for, and nobody kept waiting, for longer than this; and the commit does not wait for the disk: a
-- crash of the server that loses the last batches loses nothing, since their rows are due still.
SELECT set_config('lock_timeout', %(lock_ms)s, true), set_config('statement_timeout', %(statement_ms)s, true),
  set_config('synchronous_commit', 'off', true), set_config('jit', 'off', true), set_config('datestyle', 'ISO, YMD', true),
  set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),
  set_config('enable_incremental_sort', 'off', true), set_config('enable_hashjoin', 'off', true),
  set_config('enable_mergejoin', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)
