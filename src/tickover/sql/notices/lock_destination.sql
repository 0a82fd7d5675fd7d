-- One replica at a time decides what goes to a destination: holds its row until the transaction ends.
INSERT INTO tickover.notice_destination (name) VALUES (%(destination)s)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
