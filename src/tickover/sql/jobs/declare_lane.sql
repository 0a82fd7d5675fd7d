-- The limits of a kind; its lane is made where it has none.
INSERT INTO tickover.lane (lane, kind, max_running, rate, per_s)
VALUES ((SELECT max(lane) + 1 FROM tickover.lane), %(kind)s, %(max_running)s, %(rate)s, %(per_s)s)
ON CONFLICT (kind) DO UPDATE
SET max_running = excluded.max_running, rate = excluded.rate, per_s = excluded.per_s
RETURNING lane, kind, max_running, rate, per_s
