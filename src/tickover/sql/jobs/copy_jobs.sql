COPY tickover.job (id, kind, client_id, run_at, priority, max_attempts, timeout_s, state, lane, payload) FROM STDIN
