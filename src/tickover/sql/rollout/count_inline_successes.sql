-- How many ticks that came after a moment were carried out inline to a good end, by function; one at which nothing was due for it
-- counts as well, since nothing was sent. Only the newest are looked at, each by its key: a few are enough.
SELECT asked.function, (
    SELECT count(*)
    FROM (SELECT * FROM tickover.obligation o WHERE o.function = asked.function ORDER BY o.id DESC LIMIT 50) AS o
    WHERE o.state = %(succeeded)s AND o.path = ANY (%(here)s)
      AND (SELECT t.requested_at FROM tickover.tick t WHERE t.id = o.tick_id) > %(since)s
  ) + (
    SELECT count(*) FROM (SELECT t.requested_at, t.idle FROM tickover.tick t ORDER BY t.id DESC LIMIT 50) AS t
    WHERE t.requested_at > %(since)s AND asked.function = ANY (t.idle)
  ) AS successes
FROM unnest(%(functions)s::text[]) AS asked (function)
