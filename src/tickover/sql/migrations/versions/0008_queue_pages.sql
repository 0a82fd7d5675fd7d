-- Discarded by hand: never to be run, kept as long as a job that succeeded.
ALTER TABLE tickover.job
  DROP CONSTRAINT job_state_check,
  ADD CONSTRAINT job_state_check CHECK (state IN ('scheduled', 'queued', 'running', 'succeeded', 'dead', 'discarded'));
CREATE INDEX job_discarded ON tickover.job (id DESC) WHERE state = 'discarded';

-- Attempts that failed or were lost; one that succeeded stands in the job's own row. No foreign key: it would be looked at
-- whenever a job moves. Whoever forgets jobs forgets these with them.
CREATE TABLE tickover.job_attempt (
  job_id       bigint NOT NULL,
  fence        bigint NOT NULL,
  attempt      integer NOT NULL,
  started_at   timestamptz,
  ended_at     timestamptz NOT NULL,
  outcome      text NOT NULL CHECK (outcome IN ('retried', 'dead', 'lost')),
  error        text,
  dispatch_key text,
  path         text,
  PRIMARY KEY (job_id, fence)
);

-- An act on all jobs that match a filter, the newest first, down from the newest there was when it began. Whoever goes on
-- with it holds its lease; its place moves on in the transaction of each batch.
CREATE TABLE tickover.bulk_act (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  act              text NOT NULL CHECK (act IN ('requeue', 'discard', 'run_now')),
  filter           jsonb NOT NULL,
  made_before      timestamptz,
  by               text NOT NULL,
  reason           text NOT NULL,
  state            text NOT NULL CHECK (state IN ('running', 'stopping', 'stopped', 'done', 'failed')),
  done             bigint NOT NULL DEFAULT 0,
  skipped          bigint NOT NULL DEFAULT 0,
  total            bigint NOT NULL,
  is_total_exact   boolean NOT NULL,
  from_id          bigint NOT NULL,
  position         bigint NOT NULL,
  lowest_id        bigint NOT NULL,
  fence            bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  error            text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  ended_at         timestamptz,
  CHECK ((ended_at IS NULL) = (state IN ('running', 'stopping')))
);
CREATE INDEX bulk_act_unended ON tickover.bulk_act (id) WHERE state IN ('running', 'stopping');

-- The newest job that was made by then, by halves: jobs are made in the order of their ids, but for those of transactions
-- that last.
CREATE FUNCTION tickover.newest_job_before(at timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  low    bigint := (SELECT j.id FROM tickover.job j ORDER BY j.id LIMIT 1);
  high   bigint := (SELECT j.id FROM tickover.job j ORDER BY j.id DESC LIMIT 1);
  middle bigint;
  near   record;
  newest bigint := 0;
BEGIN
  WHILE low <= high LOOP
    middle := low + (high - low) / 2;
    SELECT j.id, j.created_at INTO near FROM tickover.job j
    WHERE j.id BETWEEN low AND middle ORDER BY j.id DESC LIMIT 1;
    IF near.id IS NULL OR near.created_at <= at THEN
      newest := coalesce(near.id, newest);
      low := middle + 1;
    ELSE
      high := near.id - 1;
    END IF;
  END LOOP;
  RETURN newest;
END
$$;

-- Some jobs of a state that has an index of its own, whatever their number: by that index, and no more than a bound. Those
-- that are queued may be asked for by client, which is empty for those without one.
CREATE FUNCTION tickover.jobs_in(in_state text, of_client text, bound integer, with_error boolean)
RETURNS TABLE (id bigint, kind text, client_id text, created_at timestamptz, last_error text) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_incremental_sort = off SET jit = off
AS $$
#variable_conflict use_column
BEGIN
  CASE in_state
  WHEN 'queued' THEN
    IF of_client IS NULL THEN
      RETURN QUERY SELECT j.id, j.kind, j.client_id, j.created_at, CASE WHEN with_error THEN j.last_error END
        FROM tickover.job j WHERE j.state = 'queued' ORDER BY j.lane, -j.priority, j.run_at, j.id LIMIT bound;
    ELSE
      RETURN QUERY SELECT j.id, j.kind, j.client_id, j.created_at, CASE WHEN with_error THEN j.last_error END
        FROM tickover.lane l CROSS JOIN LATERAL (
          SELECT q.* FROM tickover.job q
          WHERE q.lane = l.lane AND q.state = 'queued' AND coalesce(q.client_id, '') = of_client
          ORDER BY q.priority DESC, q.run_at, q.id LIMIT bound) j
        LIMIT bound;
    END IF;
  WHEN 'scheduled' THEN
    RETURN QUERY SELECT j.id, j.kind, j.client_id, j.created_at, CASE WHEN with_error THEN j.last_error END
      FROM tickover.job j WHERE j.state = 'scheduled' ORDER BY j.run_at, j.id LIMIT bound;
  WHEN 'running' THEN
    RETURN QUERY SELECT j.id, j.kind, j.client_id, j.created_at, CASE WHEN with_error THEN j.last_error END
      FROM tickover.job j WHERE j.state = 'running' ORDER BY j.lane LIMIT bound;
  WHEN 'dead' THEN
    RETURN QUERY SELECT j.id, j.kind, j.client_id, j.created_at, CASE WHEN with_error THEN j.last_error END
      FROM tickover.job j WHERE j.state = 'dead' ORDER BY j.id DESC LIMIT bound;
  WHEN 'discarded' THEN
    RETURN QUERY SELECT j.id, j.kind, j.client_id, j.created_at, CASE WHEN with_error THEN j.last_error END
      FROM tickover.job j WHERE j.state = 'discarded' ORDER BY j.id DESC LIMIT bound;
  END CASE;
END
$$;

-- The clients that have due jobs, the one that has waited for the longest time first, on from a place: since when, how many
-- jobs are due up to a bound, how many run. Looks at `most` clients of a lane, whose queued jobs are found client by client;
-- and at as many jobs whose time has come, or whose lease has expired, and that no drain has met yet.
CREATE FUNCTION tickover.clients_in_line(
  at timestamptz, after_time timestamptz, after_client text, page integer, bound integer, most integer
) RETURNS TABLE (client text, oldest timestamptz, due bigint, running bigint, looked_at bigint) LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_incremental_sort = off SET jit = off
AS $$
  WITH RECURSIVE level(lane, priority) AS (
    SELECT l.lane, (
      SELECT j.priority FROM tickover.job j
      WHERE j.lane = l.lane AND j.state = 'queued'
      ORDER BY -j.priority LIMIT 1)
    FROM tickover.lane l
    UNION ALL
    SELECT l.lane, (
      SELECT j.priority FROM tickover.job j
      WHERE j.lane = l.lane AND j.state = 'queued' AND -j.priority > -l.priority
      ORDER BY -j.priority LIMIT 1)
    FROM level l WHERE l.priority IS NOT NULL
  ), first(lane, client, priority, run_at, place) AS (
    SELECT l.lane, f.client, f.priority, f.run_at, 1 FROM tickover.lane l CROSS JOIN LATERAL (
      SELECT coalesce(j.client_id, '') AS client, j.priority, j.run_at FROM tickover.job j
      WHERE j.lane = l.lane AND j.state = 'queued'
      ORDER BY coalesce(j.client_id, ''), j.priority DESC, j.run_at, j.id LIMIT 1) f
    UNION ALL
    SELECT b.lane, f.client, f.priority, f.run_at, b.place + 1 FROM first b CROSS JOIN LATERAL (
      SELECT coalesce(j.client_id, '') AS client, j.priority, j.run_at FROM tickover.job j
      WHERE j.lane = b.lane AND j.state = 'queued' AND coalesce(j.client_id, '') > b.client
      ORDER BY coalesce(j.client_id, ''), j.priority DESC, j.run_at, j.id LIMIT 1) f
    WHERE b.place < most
  ), behind AS (
    SELECT f.client, (
      SELECT j.run_at FROM tickover.job j
      WHERE j.lane = f.lane AND j.state = 'queued' AND coalesce(j.client_id, '') = f.client AND j.priority = l.priority
      ORDER BY j.run_at, j.id LIMIT 1) AS run_at
    FROM first f JOIN level l ON l.lane = f.lane AND l.priority < f.priority
  ), beside AS (
    SELECT coalesce(b.client_id, '') AS client, min(b.run_at) AS run_at, count(*) AS due FROM (
      (SELECT j.client_id, j.run_at FROM tickover.job j
       WHERE j.state = 'scheduled' AND j.run_at <= at ORDER BY j.run_at, j.id LIMIT most)
      UNION ALL
      SELECT j.client_id, j.run_at FROM tickover.job j WHERE j.state = 'running' AND j.lease_expires_at < at) b
    GROUP BY 1
  ), waiting AS MATERIALIZED (
    SELECT w.client, min(w.run_at) AS oldest, sum(w.due) AS beside FROM (
      SELECT f.client, f.run_at, 0 AS due FROM first f
      UNION ALL SELECT b.client, b.run_at, 0 FROM behind b WHERE b.run_at IS NOT NULL
      UNION ALL SELECT b.client, b.run_at, b.due FROM beside b) w
    GROUP BY 1
  ), shown AS MATERIALIZED (
    SELECT w.* FROM waiting w
    WHERE after_time IS NULL OR (w.oldest, w.client) > (after_time, after_client)
    ORDER BY w.oldest, w.client LIMIT page
  ), busy AS MATERIALIZED (
    SELECT coalesce(j.client_id, '') AS client, count(*) AS running FROM tickover.job j
    WHERE j.state = 'running' AND j.lease_expires_at >= at GROUP BY 1
  )
  SELECT s.client, s.oldest, least(queued.due + s.beside, bound)::bigint, coalesce(b.running, 0),
    (SELECT max(f.place)::bigint FROM first f)
  FROM shown s LEFT JOIN busy b ON b.client = s.client CROSS JOIN LATERAL (
    SELECT count(*) AS due FROM (
      SELECT FROM tickover.lane l CROSS JOIN LATERAL (
        SELECT FROM tickover.job j
        WHERE j.lane = l.lane AND j.state = 'queued' AND coalesce(j.client_id, '') = s.client
        ORDER BY j.priority DESC, j.run_at, j.id LIMIT bound) mine
      LIMIT bound) of_all) queued
  ORDER BY s.oldest, s.client
$$;

-- As before; and who lost an attempt is told.
CREATE OR REPLACE FUNCTION tickover.claim_jobs(
  room integer, fairly boolean, only_client text, lease_s double precision, default_quota integer, default_max integer,
  except_kinds text[], reap boolean, obligation_id bigint, obligation_fence bigint
) RETURNS TABLE (
  turn bigint, id bigint, fence bigint, kind text, client_id text, payload text, attempt integer, max_attempts integer,
  timeout_s double precision, lane smallint
) LANGUAGE plpgsql
SET lock_timeout = '500ms'
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_incremental_sort = off
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  place    tickover.lane;
  in_turn  boolean := true;
  want     integer;
  ring     integer;
  taken    integer;
  total    integer := 0;
  here     integer;
  cap      integer;
  looked   integer;
  chosen   tid[];
  expired  tid[];
  last     text;
BEGIN
  IF obligation_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM tickover.obligation o
    WHERE o.id = obligation_id AND o.fence = obligation_fence AND o.state = 'running')
  THEN
    RAISE EXCEPTION 'the lease under fence % is gone', obligation_fence
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  -- A claim that a crash of the server undoes has done no harm: its jobs are due again, and nobody holds them any more.
  PERFORM set_config('synchronous_commit', 'off', true);
  BEGIN
    PERFORM FROM tickover.lane l WHERE l.lane = 0 FOR UPDATE;
  EXCEPTION WHEN lock_not_available THEN
    in_turn := false;
  END;
  UPDATE tickover.job j SET state = 'queued' WHERE j.ctid = ANY (ARRAY(
    SELECT due.ctid FROM tickover.job due WHERE due.state = 'scheduled' AND due.run_at <= now()
    ORDER BY due.run_at, due.id LIMIT greatest(room, 100) FOR UPDATE SKIP LOCKED));
  IF reap THEN
    expired := ARRAY(
      SELECT lost.ctid FROM tickover.job lost WHERE lost.state = 'running' AND lost.lease_expires_at < now()
      LIMIT 1000 FOR UPDATE SKIP LOCKED);
    IF expired <> '{}' THEN
      INSERT INTO tickover.job_attempt (job_id, fence, attempt, ended_at, outcome, error)
      SELECT j.id, j.fence, j.attempts, j.lease_expires_at, 'lost', 'its lease expired: its process died or hung'
      FROM tickover.job j WHERE j.ctid = ANY (expired)
      ON CONFLICT DO NOTHING;
      UPDATE tickover.job j SET state = 'queued', lease_expires_at = NULL WHERE j.ctid = ANY (expired);
    END IF;
  END IF;
  FOR place IN
    SELECT l.* FROM tickover.lane l CROSS JOIN (
      SELECT count(*) AS lanes, max(z.turn) FILTER (WHERE z.lane = 0) AS turn FROM tickover.lane z) every
    WHERE l.lane = 0 OR in_turn
    ORDER BY (l.lane + every.turn) % every.lanes, l.lane
  LOOP
    want := tickover.lane_room(place, room - total);
    ring := want;
    here := 0;
    FOR try IN 1..8 LOOP
      EXIT WHEN want < 1;
      IF only_client IS NOT NULL THEN
        cap := coalesce((SELECT q.max_running FROM tickover.client_quota q WHERE q.client_id = only_client), default_max)
          - coalesce((SELECT r.running FROM tickover.running_jobs(default_max) r WHERE r.client = only_client), 0);
        chosen := ARRAY(
          SELECT j.ctid FROM tickover.job j
          WHERE j.lane = place.lane AND j.state = 'queued' AND coalesce(j.client_id, '') = only_client
          ORDER BY j.priority DESC, j.run_at, j.id
          LIMIT greatest(least(want, cap), 0) FOR UPDATE SKIP LOCKED);
      ELSIF except_kinds <> '{}' THEN
        -- The last jobs of a slice, from among the next thousand: further on it would take longer than it may bring.
        chosen := ARRAY(
          SELECT j.ctid FROM tickover.job j
          WHERE j.ctid = ANY (ARRAY(
            SELECT near.ctid FROM (
              SELECT n.ctid, n.kind FROM tickover.job n WHERE n.lane = place.lane AND n.state = 'queued'
              ORDER BY -n.priority, n.run_at, n.id LIMIT want + 1000) near
            WHERE near.kind <> ALL (except_kinds) LIMIT want))
          FOR UPDATE SKIP LOCKED);
      ELSIF fairly AND in_turn THEN
        SELECT f.chosen, f.last_served, f.looked_at INTO chosen, last, looked
        FROM tickover.choose_fairly(place.lane, place.served, want, ring, default_quota, default_max) f;
        place.served := coalesce(last, place.served);
      ELSE
        chosen := ARRAY(
          SELECT j.ctid FROM tickover.job j WHERE j.lane = place.lane AND j.state = 'queued'
          ORDER BY -j.priority, j.run_at, j.id LIMIT want FOR UPDATE SKIP LOCKED);
      END IF;
      -- By place in the table, without a further condition: they are locked, and no other index may look better.
      RETURN QUERY
        UPDATE tickover.job j
        SET state = 'running', fence = j.fence + 1, attempts = j.attempts + 1,
            lease_expires_at = clock_timestamp() + make_interval(secs => lease_s)
        FROM unnest(chosen) WITH ORDINALITY AS c(tid, nth)
        WHERE j.ctid = c.tid
        RETURNING total + c.nth, j.id, j.fence, j.kind, j.client_id, j.payload::text, j.attempts,
          j.max_attempts, j.timeout_s, j.lane;
      GET DIAGNOSTICS taken = ROW_COUNT;
      total := total + taken;
      here := here + taken;
      want := want - taken;
      EXIT WHEN only_client IS NOT NULL OR except_kinds <> '{}' OR NOT (fairly AND in_turn)
        OR (taken = 0 AND looked < ring);
      -- Nobody in the whole ring could be served: look further. Somebody, but less than is wanted: another round.
      ring := CASE WHEN taken = 0 THEN least(ring * 8, 10000) ELSE want END;
    END LOOP;
    UPDATE tickover.lane l
    SET served = place.served,
        spent_until = CASE WHEN l.rate IS NOT NULL THEN
          greatest(l.spent_until, clock_timestamp() - make_interval(secs => l.per_s))
          + make_interval(secs => here * l.per_s / l.rate) ELSE l.spent_until END
    WHERE in_turn AND l.lane = place.lane AND (here > 0 OR l.served <> place.served);
    EXIT WHEN total >= room;
  END LOOP;
  UPDATE tickover.lane l SET turn = l.turn + 1 WHERE in_turn AND l.lane = 0 AND total > 0; -- another lane goes first
END
$$;
