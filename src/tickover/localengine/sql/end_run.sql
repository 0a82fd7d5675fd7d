UPDATE tickover_engine.run SET state = %(state)s, output = %(output)s, ended_at = now()
WHERE id = %(run_id)s AND state = %(running)s
