-- For this transaction alone. The index is walked in its own order, whatever the statistics of a table that was just filled
-- say, and nobody is waited for, or kept waiting, for longer than this. The commit waits for the disk, on purpose: it costs no
-- rows a second, and beside single-row updates a third as many of these had to wait for a core as without.
SELECT set_config('lock_timeout', %(lock_ms)s, true), set_config('statement_timeout', %(statement_ms)s, true),
  set_config('jit', 'off', true), set_config('datestyle', 'ISO, YMD', true),
  set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),
  set_config('enable_incremental_sort', 'off', true), set_config('enable_hashjoin', 'off', true),
  set_config('enable_mergejoin', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)
