-- Hold on to claimed jobs for another lease; the ids that come back are those still held.
UPDATE tickover.job j
SET lease_expires_at = now() + make_interval(secs => %(lease_s)s)
FROM unnest(%(id)s::bigint[], %(fence)s::bigint[]) AS held(id, fence)
WHERE j.id = held.id AND j.fence = held.fence AND j.state = %(running)s
RETURNING j.id
