-- The one way to win an obligation. It is open in a claimable state, or while running once its lease has expired.
-- A single-flight claim also needs no other living run of the function, and one for the engine needs that the function has
-- not been rolled back: the events that it has accepted before do nothing when they wake up.
UPDATE tickover.obligation o
SET state = %(running)s, path = %(path)s, run_id = %(run_id)s, fence = o.fence + 1, attempt = o.attempt + 1,
    lease_expires_at = now() + make_interval(secs => %(lease_s)s), started_at = now(), finished_at = NULL, error = NULL,
    finish_by = CASE WHEN o.state IN (%(running)s, %(retrying)s, %(interrupted)s) THEN o.finish_by ELSE now() + %(finish_by)s END
FROM tickover.tick t
WHERE t.dispatch_key = %(dispatch_key)s AND o.tick_id = t.id AND o.function = %(function)s
  AND (o.state = ANY (%(claimable)s) OR (o.state = %(running)s AND o.lease_expires_at < now()))
  AND (%(single_flight)s OR NOT tickover.is_inline(o.function))
  AND NOT (%(single_flight)s AND EXISTS (
    SELECT 1 FROM tickover.obligation other
    WHERE other.function = o.function AND other.id <> o.id
      AND other.state = %(running)s AND other.lease_expires_at > now()))
RETURNING o.id, o.fence, o.attempt, o.started_at,
  extract(epoch FROM o.started_at - coalesce(o.accepted_at, o.created_at))::float8 AS waited_s, o.client_id, t.correlation_id,
  t.route, t.traceparent,
  -- As it was before this statement: of two claims at once both may be the first, and one always is.
  t.identity_source <> 'continuation' AND NOT EXISTS (
    SELECT 1 FROM tickover.obligation begun WHERE begun.tick_id = t.id AND begun.attempt > 0) AS is_first,
  ARRAY(SELECT r.responsibility FROM tickover.responsibility_run r WHERE r.obligation_id = o.id AND r.error IS NULL) AS done
