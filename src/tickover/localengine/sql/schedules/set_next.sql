UPDATE tickover_engine.schedule SET next_at = %(next_at)s WHERE function_id = %(function_id)s AND cron = %(cron)s
