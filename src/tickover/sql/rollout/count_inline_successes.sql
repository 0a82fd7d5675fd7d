-- How many ticks that came after a moment were carried out inline to a good end, by function; one at which nothing was due for it
-- counts as well, since nothing was sent. Only the newest are looked at: a few are enough.
SELECT asked.function, (
    SELECT count(*)
    FROM (SELECT * FROM tickover.obligation o WHERE o.function = asked.function ORDER BY o.id DESC LIMIT 100) AS o
    JOIN tickover.tick t ON t.id = o.tick_id
    WHERE t.requested_at > %(since)s AND o.state = %(succeeded)s AND o.path = ANY (%(here)s)
  ) + (
    SELECT count(*) FROM (SELECT * FROM tickover.tick ORDER BY id DESC LIMIT 100) AS t
    WHERE t.requested_at > %(since)s AND asked.function = ANY (t.idle)
  ) AS successes
FROM unnest(%(functions)s::text[]) AS asked (function)
