UPDATE tickover_engine.run SET state = %(running)s, started_at = coalesce(started_at, now())
WHERE id = ANY (%(run_ids)s) AND state = %(queued)s
