COPY tickover.job (id, kind, client_id, run_at, state, priority, max_attempts, timeout_s, lane, payload) FROM STDIN
