-- Hold on to claimed jobs for another lease; the ids that come back are those that nobody else has won. A job that is
-- in its own transaction is locked: it is passed over, for nobody else can win it meanwhile.
WITH claimed AS (
  SELECT id, fence FROM unnest(%(id)s::bigint[], %(fence)s::bigint[]) AS c(id, fence)
), free AS (
  SELECT j.id FROM tickover.job j JOIN claimed c ON c.id = j.id AND c.fence = j.fence
  WHERE j.state = %(running)s
  FOR NO KEY UPDATE OF j SKIP LOCKED
), renewed AS (
  UPDATE tickover.job j SET lease_expires_at = now() + make_interval(secs => %(lease_s)s)
  FROM free WHERE j.id = free.id
)
SELECT j.id FROM tickover.job j JOIN claimed c ON c.id = j.id AND c.fence = j.fence
