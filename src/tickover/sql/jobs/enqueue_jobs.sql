-- All jobs of one call, in one statement: all are stored or none. One id a job, in the order given.
SELECT tickover.enqueue(n.kind, n.payload::jsonb, n.client_id, n.run_at, n.priority, n.max_attempts, n.timeout_s, n.dedupe_key)
FROM unnest(
  %(kind)s::text[], %(payload)s::text[], %(client_id)s::text[], %(run_at)s::timestamptz[], %(priority)s::integer[],
  %(max_attempts)s::integer[], %(timeout_s)s::double precision[], %(dedupe_key)s::text[]
) WITH ORDINALITY AS n(kind, payload, client_id, run_at, priority, max_attempts, timeout_s, dedupe_key, place)
ORDER BY n.place
