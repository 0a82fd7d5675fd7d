-- How many ticks that came after a moment were carried out inline to a good end, by function; one at which nothing was due for it
-- counts as well, since nothing was sent. Only the newest ticks are looked at: a few are enough.
WITH newest AS MATERIALIZED (
  SELECT t.id, t.requested_at, t.idle FROM tickover.tick t ORDER BY t.id DESC LIMIT 100
)
SELECT asked.function, (
    SELECT count(*) FROM newest
    WHERE newest.requested_at > %(since)s AND (asked.function = ANY (newest.idle) OR EXISTS (
      SELECT 1 FROM tickover.obligation o
      WHERE o.tick_id = newest.id AND o.function = asked.function AND o.state = %(succeeded)s AND o.path = ANY (%(here)s)))
  ) AS successes
FROM unnest(%(functions)s::text[]) AS asked (function)
