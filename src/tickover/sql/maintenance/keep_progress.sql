-- Keep how far a walk has come.
INSERT INTO tickover.progress AS kept (name, position, at) VALUES (%(name)s, %(position)s, now())
ON CONFLICT (name) DO UPDATE SET position = excluded.position, at = excluded.at
