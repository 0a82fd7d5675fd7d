-- Events are stored and their runs queued in one statement. An event id seen in the last 24 h starts no run; nor does,
-- for its function, an idempotency value seen in that time. Within one call the first of equals counts: the caller
-- hands in each id and each value once.
WITH given AS (
  SELECT * FROM unnest(%(internal_ids)s::text[], %(event_ids)s::text[], %(names)s::text[], %(bodies)s::jsonb[])
    AS event (internal_id, event_id, name, body)
), stored AS (
  INSERT INTO tickover_engine.event (internal_id, event_id, name, body)
  SELECT internal_id, event_id, name, body FROM given ON CONFLICT DO NOTHING
), fresh AS (
  INSERT INTO tickover_engine.seen AS seen (key) SELECT 'event:' || event_id FROM given
  ON CONFLICT (key) DO UPDATE SET at = now() WHERE seen.at < now() - interval '24 hours'
  RETURNING key
), wanted AS (
  SELECT * FROM unnest(%(run_ids)s::text[], %(function_ids)s::text[], %(run_event_ids)s::text[], %(once)s::text[],
                       %(job_ids)s::text[], %(slots)s::jsonb[])
    AS run (run_id, function_id, event_id, once, job_id, slots)
  WHERE 'event:' || event_id IN (SELECT key FROM fresh)
), first AS (
  INSERT INTO tickover_engine.seen AS seen (key) SELECT once FROM wanted WHERE once IS NOT NULL
  ON CONFLICT (key) DO UPDATE SET at = now() WHERE seen.at < now() - interval '24 hours'
  RETURNING key
), started AS (
  INSERT INTO tickover_engine.run (id, function_id, event_id, event, state)
  SELECT wanted.run_id, wanted.function_id, wanted.event_id, given.body, %(queued)s
  FROM wanted JOIN given USING (event_id)
  WHERE wanted.once IS NULL OR wanted.once IN (SELECT key FROM first)
  RETURNING id
)
INSERT INTO tickover_engine.item (job_id, run_id, step_id, slots, limits)
SELECT wanted.job_id, started.id, 'step',
  ARRAY(SELECT slot ->> 0 FROM jsonb_array_elements(wanted.slots) slot),
  ARRAY(SELECT (slot ->> 1)::integer FROM jsonb_array_elements(wanted.slots) slot)
FROM started JOIN wanted ON wanted.run_id = started.id
