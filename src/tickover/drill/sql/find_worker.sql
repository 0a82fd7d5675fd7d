-- The process that last left a mark or an effect, if that was after a time.
SELECT pid FROM (
  SELECT pid, at FROM drill.mark WHERE %(of)s = 'maintenance' UNION ALL SELECT pid, at FROM drill.effect WHERE %(of)s = 'drain'
) AS left_behind
WHERE at > %(since)s ORDER BY at DESC LIMIT 1
