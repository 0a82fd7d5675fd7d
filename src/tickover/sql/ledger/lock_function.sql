-- One decision at a time about who carries a function out beside the engine: holds its row until the transaction ends.
INSERT INTO tickover.control (function) VALUES (%(function)s)
ON CONFLICT (function) DO UPDATE SET function = excluded.function
