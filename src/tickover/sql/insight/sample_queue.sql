-- How the queue stands, once a minute: whoever comes first looks, and nobody else does.
INSERT INTO tickover.queue_sample (at, due, oldest_age_s)
SELECT date_trunc('minute', %(now)s::timestamptz), coalesce(max(q.due), 0),
  greatest(0, coalesce(max(extract(epoch FROM %(now)s::timestamptz - q.run_at)), 0))
FROM tickover.look_at_queue(%(now)s, %(bound)s) q
HAVING NOT EXISTS (SELECT 1 FROM tickover.queue_sample s WHERE s.at = date_trunc('minute', %(now)s::timestamptz))
ON CONFLICT (at) DO NOTHING
