-- An act on many jobs begins, with its audit row. Jobs that are made from now on are none of its business.
WITH begun AS (
  INSERT INTO tickover.bulk_act AS b (
    act, filter, made_before, by, reason, state, total, is_total_exact, from_id, position, lowest_id)
  SELECT %(act)s, %(filter)s, %(made_before)s, %(by)s, %(reason)s, %(running)s, %(total)s, %(is_total_exact)s, ends.above, ends.above,
    ends.lowest
  FROM (
    SELECT coalesce((SELECT id FROM tickover.job ORDER BY id DESC LIMIT 1), 0) + 1 AS above,
      coalesce((SELECT id FROM tickover.job ORDER BY id LIMIT 1), 0) AS lowest) ends
  RETURNING id, act, filter, made_before, by, reason, state, done, skipped, total, is_total_exact, from_id, position, lowest_id, fence,
  created_at, updated_at, ended_at, error
), told AS (
  INSERT INTO tickover.audit (action, subject, by, reason, evidence)
  SELECT %(action)s, 'jobs', by, reason, jsonb_build_object('bulk_act', id, 'filter', filter, 'total', total) FROM begun
)
SELECT * FROM begun
