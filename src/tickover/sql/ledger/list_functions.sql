-- Every function that was ever owed, by jumping from one to the next in the index.
WITH RECURSIVE known AS (
  (SELECT function FROM tickover.obligation ORDER BY function LIMIT 1)
  UNION ALL
  SELECT (SELECT o.function FROM tickover.obligation o WHERE o.function > known.function ORDER BY o.function LIMIT 1)
  FROM known WHERE known.function IS NOT NULL
)
SELECT function FROM known WHERE function IS NOT NULL
