SELECT id FROM tickover_engine.function ORDER BY id LIMIT %(most)s
