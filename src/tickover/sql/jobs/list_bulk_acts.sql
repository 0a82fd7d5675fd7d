-- The newest acts first, or a certain one.
SELECT id, act, filter, made_before, by, reason, state, done, skipped, total, is_total_exact, from_id, position, lowest_id, fence,
  created_at, updated_at, ended_at, error
FROM tickover.bulk_act
WHERE %(id)s::bigint IS NULL OR id = %(id)s
ORDER BY id DESC LIMIT %(limit)s
