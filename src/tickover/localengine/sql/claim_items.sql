-- Calls that are due, whose lease nobody holds, whose function is registered, and for whose concurrency slots there is
-- room. Slots that are full are left out before the oldest thousand are taken, so that their queue hides nobody.
WITH busy AS (
  SELECT slot, count(*) AS calls FROM tickover_engine.item, unnest(slots) AS slot WHERE leased_to > now() GROUP BY slot
), due AS (
  SELECT i.id, i.due_at, i.slots, i.limits
  FROM tickover_engine.item i
  JOIN tickover_engine.run r ON r.id = i.run_id
  JOIN tickover_engine.function f ON f.id = r.function_id
  WHERE i.due_at <= now() AND (i.leased_to IS NULL OR i.leased_to <= now())
    AND NOT EXISTS (
      SELECT FROM unnest(i.slots, i.limits) AS room (slot, most) JOIN busy USING (slot) WHERE busy.calls >= room.most
    )
  ORDER BY i.due_at, i.id LIMIT 1000
), ranked AS (
  SELECT due.id, room.most,
    coalesce(busy.calls, 0) + row_number() OVER (PARTITION BY room.slot ORDER BY due.due_at, due.id) AS place
  FROM due CROSS JOIN unnest(due.slots, due.limits) AS room (slot, most) LEFT JOIN busy ON busy.slot = room.slot
), chosen AS (
  SELECT due.id FROM due
  WHERE NOT EXISTS (SELECT 1 FROM ranked WHERE ranked.id = due.id AND ranked.place > ranked.most)
  ORDER BY due.due_at, due.id LIMIT %(most)s
), leased AS (
  UPDATE tickover_engine.item i SET fence = i.fence + 1, leased_to = now() + make_interval(secs => %(lease_s)s)
  FROM chosen WHERE i.id = chosen.id
    -- said again, for a row that was renewed or decided about while this statement waited for it
    AND i.due_at <= now() AND (i.leased_to IS NULL OR i.leased_to <= now())
  RETURNING i.id, i.job_id, i.run_id, i.step_id, i.attempt, i.fence, i.wakes
)
SELECT leased.*, r.function_id, r.event, r.version, r.steps, r.stack, f.url, f.config
FROM leased JOIN tickover_engine.run r ON r.id = leased.run_id
JOIN tickover_engine.function f ON f.id = r.function_id
