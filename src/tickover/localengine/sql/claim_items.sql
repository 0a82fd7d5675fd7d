-- Calls that are due, whose lease nobody holds, and for whose concurrency slots there is room.
WITH busy AS (
  SELECT slot, count(*) AS calls FROM tickover_engine.item, unnest(slots) AS slot WHERE leased_to > now() GROUP BY slot
), due AS (
  SELECT id, due_at, slots, limits FROM tickover_engine.item
  WHERE due_at <= now() AND (leased_to IS NULL OR leased_to <= now())
  ORDER BY due_at, id LIMIT 1000
), ranked AS (
  SELECT due.id, room.most, coalesce(busy.calls, 0) + row_number() OVER (PARTITION BY room.slot ORDER BY due.due_at, due.id) AS place
  FROM due CROSS JOIN unnest(due.slots, due.limits) AS room (slot, most) LEFT JOIN busy ON busy.slot = room.slot
), chosen AS (
  SELECT due.id FROM due
  WHERE NOT EXISTS (SELECT 1 FROM ranked WHERE ranked.id = due.id AND ranked.place > ranked.most)
  ORDER BY due.due_at, due.id LIMIT %(most)s
), leased AS (
  UPDATE tickover_engine.item i SET fence = i.fence + 1, leased_to = now() + make_interval(secs => %(lease_s)s)
  FROM chosen WHERE i.id = chosen.id
  RETURNING i.id, i.job_id, i.run_id, i.step_id, i.attempt, i.fence
)
SELECT leased.*, r.function_id, r.event, r.version, r.steps, r.stack, f.url, f.config
FROM leased JOIN tickover_engine.run r ON r.id = leased.run_id
JOIN tickover_engine.function f ON f.id = r.function_id
