-- Owed before sent: the tick and every obligation in one statement. No row comes back where the tick is known already.
WITH recorded AS (
  INSERT INTO tickover.tick
    (dispatch_key, route, client_id, identity_source, mode, reason, correlation_id, switched_off, idle,
     traceparent)
  VALUES (%(dispatch_key)s, %(route)s, %(client_id)s, %(identity_source)s, %(mode)s, %(reason)s, %(correlation_id)s,
          %(switched_off)s, %(idle)s, %(traceparent)s)
  ON CONFLICT (dispatch_key) DO NOTHING
  RETURNING id
), owing AS (
  INSERT INTO tickover.obligation (tick_id, function, client_id, state, start_by)
  SELECT recorded.id, owed.function, %(client_id)s, %(owed)s, now() + owed.start_by
  FROM recorded, unnest(%(functions)s::text[], %(start_by)s::interval[]) AS owed (function, start_by)
)
SELECT id FROM recorded
