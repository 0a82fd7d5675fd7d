-- What was seen longer ago than it counts.
DELETE FROM tickover_engine.seen WHERE key IN (
  SELECT key FROM tickover_engine.seen WHERE at < %(before)s ORDER BY at LIMIT %(batch)s
)
