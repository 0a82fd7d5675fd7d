-- What the engine does at every event and every answer stands here as functions: one round trip, plans that are kept,
-- and one transaction for as many as came together.

-- Store events and queue the runs they start.
--   events  [{internal_id, event_id, name, body}]
--   runs    [{id, function_id, internal_id, keys, singleton, job_id, slots, limits}]; a key of `keys` that was
--           seen in the last 24 h, or an alive run with the same `singleton`, keeps a run from starting. Keys are
--           distinct over all runs of a call.
--   known   the registration from which the runs were chosen; NULL, and nothing is done, where it is not the newest.
-- The runs that were started.
CREATE FUNCTION tickover_engine.accept(events jsonb, runs jsonb, known bigint, at timestamptz) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
  begun text[];
BEGIN
  IF known IS DISTINCT FROM (SELECT version FROM tickover_engine.registry) THEN
    RETURN NULL;
  END IF;
  WITH stored AS (
    INSERT INTO tickover_engine.event AS e (internal_id, event_id, name, body, received_at)
    SELECT g.internal_id, g.event_id, g.name, g.body, accept.at
    FROM jsonb_to_recordset(accept.events) AS g (internal_id text, event_id text, name text, body jsonb)
    ON CONFLICT DO NOTHING RETURNING e.internal_id
  ), wanted AS (
    -- An event that is stored already came in a call that was tried again: its runs are there.
    SELECT w.* FROM jsonb_to_recordset(accept.runs) AS w (id text, function_id text, internal_id text, keys text[],
      singleton text, job_id text, slots text[], limits integer[])
    WHERE w.internal_id IN (SELECT s.internal_id FROM stored s)
  ), fresh AS (
    INSERT INTO tickover_engine.seen AS s (key, at) SELECT k.key, accept.at FROM wanted, unnest(wanted.keys) AS k (key)
    ORDER BY k.key
    ON CONFLICT (key) DO UPDATE SET at = excluded.at WHERE s.at < excluded.at - interval '24 hours'
    RETURNING s.key
  ), started AS (
    INSERT INTO tickover_engine.run AS r (id, function_id, internal_id, state, singleton, created_at)
    SELECT w.id, w.function_id, w.internal_id, 'queued', w.singleton, accept.at FROM wanted w
    WHERE NOT EXISTS (SELECT FROM unnest(w.keys) AS k (key) WHERE k.key NOT IN (SELECT f.key FROM fresh f))
    ORDER BY w.singleton, w.id
    ON CONFLICT (singleton) WHERE ended_at IS NULL DO NOTHING
    RETURNING r.id
  ), queued AS (
    INSERT INTO tickover_engine.item AS i (job_id, run_id, function_id, step_id, queued_at, due_at, slots, limits)
    SELECT w.job_id, w.id, w.function_id, 'step', accept.at, accept.at, w.slots, w.limits
    FROM wanted w JOIN started USING (id) ORDER BY w.id
    RETURNING i.run_id
  )
  SELECT coalesce(array_agg(q.run_id), '{}') INTO begun FROM queued q;
  RETURN begun;
END $$;

-- Claim calls that are due, whose lease nobody holds, whose function is registered, and for whose concurrency slots
-- there is room. Slots that are full are left out before the oldest are looked at, so that their queue hides nobody.
CREATE FUNCTION tickover_engine.claim(most integer, lease interval, at timestamptz) RETURNS TABLE (
  id bigint, job_id text, run_id text, step_id text, attempt integer, fence bigint, wakes text, queued_at timestamptz,
  function_id text, event jsonb, version integer, steps jsonb, stack text[], state_size bigint, url text, config jsonb
) LANGUAGE plpgsql
-- The queue is short when a plan is made and long when it counts: it is to be walked in its order, not read and sorted.
SET enable_seqscan = off SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
  -- A claim that a crash of the server takes back is made again.
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM FROM tickover_engine.turn FOR UPDATE;
  RETURN QUERY
  WITH busy AS (
    SELECT slot, count(*) AS calls FROM tickover_engine.item, unnest(slots) AS slot WHERE leased_to > now() GROUP BY slot
  ), due AS (
    SELECT i.id, i.due_at, i.slots, i.limits
    FROM tickover_engine.item i
    WHERE EXISTS (SELECT FROM tickover_engine.function f WHERE f.id = i.function_id)
      AND i.due_at <= claim.at AND (i.leased_to IS NULL OR i.leased_to <= now())
      AND NOT EXISTS (
        SELECT FROM unnest(i.slots, i.limits) AS room (slot, most) JOIN busy USING (slot) WHERE busy.calls >= room.most
      )
    ORDER BY i.due_at, i.id LIMIT 4 * claim.most
  ), ranked AS (
    SELECT due.id, room.most,
      coalesce(busy.calls, 0) + row_number() OVER (PARTITION BY room.slot ORDER BY due.due_at, due.id) AS place
    FROM due CROSS JOIN unnest(due.slots, due.limits) AS room (slot, most) LEFT JOIN busy ON busy.slot = room.slot
  ), chosen AS (
    SELECT i.id FROM tickover_engine.item i
    WHERE i.id IN (
      SELECT due.id FROM due WHERE NOT EXISTS (SELECT FROM ranked WHERE ranked.id = due.id AND ranked.place > ranked.most)
      ORDER BY due.due_at, due.id LIMIT claim.most
    )
    -- said again, for a row that was renewed or decided about meanwhile
    AND i.due_at <= claim.at AND (i.leased_to IS NULL OR i.leased_to <= now())
    FOR UPDATE SKIP LOCKED
  ), leased AS (
    UPDATE tickover_engine.item i SET fence = i.fence + 1, leased_to = now() + claim.lease
    FROM chosen WHERE i.id = chosen.id
    RETURNING i.id, i.job_id, i.run_id, i.step_id, i.attempt, i.fence, i.wakes, i.queued_at
  ), started AS (
    UPDATE tickover_engine.run r SET state = 'running', started_at = claim.at
    FROM leased WHERE r.id = leased.run_id AND r.state = 'queued'
  )
  SELECT leased.*, r.function_id, e.body, r.version, coalesce(memos.steps, '{}'), coalesce(memos.stack, '{}'),
    coalesce(memos.size, 0), f.url, f.config
  FROM leased
  JOIN tickover_engine.run r ON r.id = leased.run_id
  JOIN tickover_engine.event e ON e.internal_id = r.internal_id
  JOIN tickover_engine.function f ON f.id = r.function_id
  LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(s.step_id, s.memo ORDER BY s.position) AS steps, array_agg(s.step_id ORDER BY s.position) AS stack,
      sum(octet_length(s.memo::text)) AS size
    FROM tickover_engine.step s WHERE s.run_id = leased.run_id
  ) AS memos ON true
  ORDER BY leased.id;
END $$;

-- Do with answers what they mean, each only if its call is still held under its fence and its run is alive.
--   decisions  [{item, run, fence, outcome, version, step, memo, name, http_status, error, output, due_at, job_id,
--              planned: [{step, job_id}], started_at, ended_at}]
--   events, runs, known: as for accept(); each of them names the `item` whose end it tells of
-- The items that were held; NULL, and nothing is done, where `known` is not the newest registration.
CREATE FUNCTION tickover_engine.settle(decisions jsonb, events jsonb, runs jsonb, known bigint, at timestamptz)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  d record;
  i tickover_engine.item;
  held bigint[] := '{}';
BEGIN
  IF events <> '[]' AND known IS DISTINCT FROM (SELECT version FROM tickover_engine.registry) THEN
    RETURN NULL;
  END IF;
  FOR d IN
    SELECT * FROM jsonb_to_recordset(decisions) AS given (item bigint, run text, fence bigint, outcome text,
      version integer, step text, memo jsonb, name text, http_status integer, error text, output jsonb,
      due_at timestamptz, job_id text, planned jsonb, started_at timestamptz, ended_at timestamptz)
    ORDER BY given.run, given.item
  LOOP
    -- Whoever decides about a run holds its row; what was committed meanwhile is seen by the next statement.
    PERFORM FROM tickover_engine.run WHERE id = d.run AND state = 'running' FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    SELECT * INTO i FROM tickover_engine.item WHERE id = d.item AND fence = d.fence FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    held := held || d.item;
    CASE
      WHEN d.outcome = 'retried' THEN
        -- Under a new fence: the answer that asked for this attempt, were it heard twice, asks for no second one.
        UPDATE tickover_engine.item SET attempt = attempt + 1, queued_at = settle.at, due_at = d.due_at,
          fence = fence + 1, leased_to = NULL WHERE id = i.id;
      WHEN d.outcome = 'slept' THEN
        -- The row of the call that found a step asleep becomes the one that wakes it.
        UPDATE tickover_engine.item SET wakes = d.step, name = d.name, attempt = 0, queued_at = settle.at, due_at = d.due_at,
          fence = fence + 1, leased_to = NULL WHERE id = i.id;
      WHEN d.outcome = 'planned' THEN
        INSERT INTO tickover_engine.item (job_id, run_id, function_id, step_id, queued_at, due_at, slots, limits)
        SELECT p.job_id, d.run, i.function_id, p.step, settle.at, settle.at, i.slots, i.limits
        FROM jsonb_to_recordset(d.planned) AS p (step text, job_id text);
        DELETE FROM tickover_engine.item WHERE id = i.id;
      WHEN d.outcome IN ('step', 'step_failed', 'woke') THEN
        INSERT INTO tickover_engine.step (run_id, step_id, memo) VALUES (d.run, d.step, d.memo);
        -- Of parallel steps, the last one asks for the run to go on: its row becomes the next call.
        IF EXISTS (SELECT FROM tickover_engine.item WHERE run_id = d.run AND id <> i.id) THEN
          DELETE FROM tickover_engine.item WHERE id = i.id;
        ELSE
          UPDATE tickover_engine.item SET job_id = d.job_id, step_id = 'step', wakes = NULL, name = NULL, attempt = 0,
            queued_at = settle.at, due_at = settle.at, fence = fence + 1, leased_to = NULL WHERE id = i.id;
        END IF;
      WHEN d.outcome IN ('returned', 'failed') THEN
        UPDATE tickover_engine.run SET output = d.output, ended_at = settle.at,
          state = CASE d.outcome WHEN 'returned' THEN 'completed' ELSE 'failed' END WHERE id = d.run;
        DELETE FROM tickover_engine.item WHERE run_id = d.run;
    END CASE;
    UPDATE tickover_engine.run SET version = d.version WHERE id = d.run AND version <> d.version;
    INSERT INTO tickover_engine.call
      (run_id, step_id, attempt, outcome, name, http_status, error, queued_at, started_at, ended_at)
    VALUES (d.run, i.step_id, i.attempt, d.outcome, coalesce(d.name, i.name), d.http_status, d.error,
      i.queued_at, coalesce(d.started_at, i.queued_at), d.ended_at);
  END LOOP;
  IF events <> '[]' THEN
    PERFORM tickover_engine.accept(
      (SELECT coalesce(jsonb_agg(e), '[]') FROM jsonb_array_elements(events) e WHERE (e ->> 'item')::bigint = ANY (held)),
      (SELECT coalesce(jsonb_agg(r), '[]') FROM jsonb_array_elements(runs) r WHERE (r ->> 'item')::bigint = ANY (held)),
      known, at
    );
  END IF;
  RETURN held;
END $$;
