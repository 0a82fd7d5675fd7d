-- Everything that is registered, and which registration that is.
SELECT r.version, f.id, f.app, f.url, f.config
FROM tickover_engine.registry r LEFT JOIN tickover_engine.function f ON true ORDER BY f.id
