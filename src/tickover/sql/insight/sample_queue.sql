-- How the queue stands, once a minute, whoever comes first.
INSERT INTO tickover.queue_sample (at, due, oldest_age_s)
SELECT date_trunc('minute', %(now)s::timestamptz), coalesce(max(q.due), 0),
  greatest(0, coalesce(max(extract(epoch FROM %(now)s::timestamptz - q.run_at)), 0))
FROM tickover.look_at_queue(%(now)s, %(bound)s) q
ON CONFLICT (at) DO NOTHING
