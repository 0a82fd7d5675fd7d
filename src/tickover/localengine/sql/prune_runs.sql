-- The runs that ended longest ago, a bounded number: those before a time, and those beyond the most that are kept.
WITH oldest AS (
  SELECT greatest(%(before)s, (
    SELECT ended_at FROM tickover_engine.run WHERE ended_at IS NOT NULL ORDER BY ended_at DESC OFFSET %(most)s LIMIT 1
  )) AS ended_at
)
DELETE FROM tickover_engine.run WHERE id IN (
  SELECT r.id FROM tickover_engine.run r, oldest WHERE r.ended_at <= oldest.ended_at ORDER BY r.ended_at LIMIT %(batch)s
)
