-- Where a look for ticks ended, if there are others below.
SELECT id FROM tickover.tick WHERE id < coalesce(%(before)s::bigint, 9223372036854775807)
ORDER BY id DESC OFFSET %(window)s - 1 LIMIT 1
