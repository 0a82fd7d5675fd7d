-- How the queue stood over the last day, a row a minute, as ticks write them.
INSERT INTO tickover.queue_sample (at, due, oldest_age_s)
SELECT date_trunc('minute', now()) - n * interval '1 minute', 9000 + n * 7919 % 1000, 60 + n * 7919 % 600 FROM generate_series(0, 1439) AS n
ON CONFLICT (at) DO NOTHING
