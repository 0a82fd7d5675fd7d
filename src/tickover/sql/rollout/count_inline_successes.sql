-- How many ticks that came after a moment were carried out inline to a good end, by function.
SELECT asked.function, (
    SELECT count(*) FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
    WHERE o.function = asked.function AND o.created_at > %(since)s AND t.requested_at > %(since)s
      AND o.state = %(succeeded)s AND o.path = ANY (%(here)s)) AS successes
FROM unnest(%(functions)s::text[]) AS asked (function)
