SELECT (SELECT count(*) FROM tickover_engine.function), (SELECT count(*) FROM tickover_engine.item)
