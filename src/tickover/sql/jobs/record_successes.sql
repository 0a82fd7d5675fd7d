-- Jobs that succeeded without a transaction of their own: nobody else can hold such a row under this fence, so nothing
-- has to be locked, or waited for, first. The ids that come back are those that were recorded.
UPDATE tickover.job j
SET state = %(succeeded)s, lease_expires_at = NULL, finished_at = now()
FROM unnest(%(id)s::text::bigint[], %(fence)s::text::bigint[]) AS o(id, fence)
WHERE j.id = o.id AND j.fence = o.fence AND j.state = %(running)s
RETURNING j.id
