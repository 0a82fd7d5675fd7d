-- A function was rolled back: what the engine took and has not begun is owed again, and late at once, so that the next
-- inline run covers it. An attempt that the engine would make again is late by itself now. None of it says anything about the
-- engine any more.
UPDATE tickover.obligation o SET
  state = CASE WHEN o.state = %(accepted)s THEN %(owed)s ELSE o.state END,
  accepted_at = NULL,
  start_by = CASE WHEN o.state IN (%(owed)s, %(accepted)s) THEN least(o.start_by, now()) ELSE o.start_by END
WHERE o.function = %(function)s AND tickover.is_inline(o.function)
  AND (%(dispatch_key)s::text IS NULL
       OR o.tick_id = (SELECT t.id FROM tickover.tick t WHERE t.dispatch_key = %(dispatch_key)s))
  AND (o.state = %(accepted)s OR (o.state = %(owed)s AND %(dispatch_key)s IS NOT NULL)
       OR (o.state IN (%(retrying)s, %(interrupted)s) AND o.path = %(durable)s))
RETURNING o.id
