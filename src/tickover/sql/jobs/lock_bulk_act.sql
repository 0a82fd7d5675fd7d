-- The act, for the time of one batch, where it is still held under this fence and has not ended.
SELECT id, act, filter, made_before, by, reason, state, done, skipped, total, is_total_exact, from_id, position, lowest_id, fence,
  created_at, updated_at, ended_at, error
FROM tickover.bulk_act
WHERE id = %(id)s AND fence = %(fence)s AND state = ANY (%(unended)s)
FOR UPDATE
