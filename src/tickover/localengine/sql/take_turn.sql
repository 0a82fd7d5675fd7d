-- One engine process claims at a time.
SELECT id FROM tickover_engine.turn FOR UPDATE
