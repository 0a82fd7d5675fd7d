-- The job exists when the transaction commits, and not before.
SELECT tickover.enqueue(
  %(kind)s::text, %(payload)s::jsonb, client_id => %(client_id)s, run_at => %(run_at)s, dedupe_key => %(dedupe_key)s)
