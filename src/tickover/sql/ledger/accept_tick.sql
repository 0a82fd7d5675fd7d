-- The engine took the events. A run may have begun already, so only what is still owed moves; the clock to its start
-- begins here. Of a function that was rolled back in the meantime no run will begin: that stays owed. The answer does
-- not wait for the disk: losing this in a crash costs nothing, since what is owed is claimed, covered or recovered all
-- the same.
WITH taken AS (
  UPDATE tickover.tick SET event_ids = %(event_ids)s WHERE dispatch_key = %(dispatch_key)s RETURNING id
)
UPDATE tickover.obligation o SET
  accepted_at = now(),
  state = CASE WHEN o.state = %(owed)s THEN %(accepted)s ELSE o.state END,
  start_by = CASE WHEN o.state = %(owed)s THEN now() + owed.start_by ELSE o.start_by END
FROM taken, set_config('synchronous_commit', 'off', true) AS relaxed,
  unnest(%(functions)s::text[], %(start_by)s::interval[]) AS owed (function, start_by)
WHERE o.tick_id = taken.id AND o.function = owed.function AND relaxed = 'off'
  AND NOT (o.state = %(owed)s AND tickover.is_inline(o.function))
