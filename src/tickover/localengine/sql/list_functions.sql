SELECT id, app, url, config FROM tickover_engine.function ORDER BY id
