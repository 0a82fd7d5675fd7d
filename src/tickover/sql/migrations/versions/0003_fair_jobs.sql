-- What is not yet due stands aside as `scheduled`, so that the indexes that claiming walks hold due jobs only, and what
-- has ended stands in none of them. The form of a kind and of a client is checked by whoever stores a job, not by the table
-- at each of its moves.
DROP INDEX tickover.job_due, tickover.job_oldest_due, tickover.job_leased, tickover.job_dedupe;
ALTER TABLE tickover.job
  DROP CONSTRAINT job_kind_check,
  DROP CONSTRAINT job_client_id_check,
  DROP CONSTRAINT job_state_check,
  ALTER COLUMN kind TYPE text COLLATE "C",
  ALTER COLUMN client_id TYPE text COLLATE "C",
  ALTER COLUMN dedupe_key TYPE text COLLATE "C",
  ADD COLUMN lane smallint NOT NULL DEFAULT 0,
  ADD CONSTRAINT job_priority_check CHECK (priority BETWEEN -1000 AND 1000),
  ADD CONSTRAINT job_state_check CHECK (state IN ('scheduled', 'queued', 'running', 'succeeded', 'dead'));
UPDATE tickover.job SET state = 'scheduled' WHERE state = 'queued' AND run_at > now();

-- Two orders that no planner can take for each other, whatever it believes of the table: the one negates what the other
-- turns round.
CREATE INDEX job_queued ON tickover.job (lane, (-priority), run_at, id) WHERE state = 'queued';
CREATE INDEX job_queued_by_client ON tickover.job (lane, coalesce(client_id, ''), priority DESC, run_at, id)
  WHERE state = 'queued';
CREATE INDEX job_scheduled ON tickover.job (run_at, id) WHERE state = 'scheduled';
-- Running jobs are few, and each stands here for a moment: as narrow as can be, and what is asked of them reads them all.
CREATE INDEX job_running ON tickover.job (lane) WHERE state = 'running';
CREATE UNIQUE INDEX job_dedupe ON tickover.job (kind, dedupe_key)
  WHERE dedupe_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running');

-- Every job is rewritten twice. Half of a page is left free, so that its newer versions stand beside it: a quarter less WAL,
-- and after all no larger table. Vacuum by the thousand, not by shares, and without pauses: what is left behind in the indexes
-- is what claiming would have to step over.
ALTER TABLE tickover.job SET (
  fillfactor = 50,
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_threshold = 5000, autovacuum_analyze_scale_factor = 0.05
);

-- A lane is what jobs wait in: 0 for all kinds without limits, and one for each kind that has some.
CREATE TABLE tickover.lane (
  lane        smallint PRIMARY KEY,
  kind        text COLLATE "C" UNIQUE CHECK ((kind IS NULL) = (lane = 0)),
  max_running integer CHECK (max_running > 0),
  rate        integer CHECK (rate > 0),
  per_s       double precision CHECK (per_s > 0),
  spent_until timestamptz NOT NULL DEFAULT 'epoch',
  served      text COLLATE "C" NOT NULL DEFAULT '',
  turn        bigint NOT NULL DEFAULT 0,
  CHECK ((rate IS NULL) = (per_s IS NULL))
) WITH (fillfactor = 20);
INSERT INTO tickover.lane (lane) VALUES (0);

-- What a client may have that differs from the drain's default.
CREATE TABLE tickover.client_quota (
  client_id   text COLLATE "C" PRIMARY KEY CHECK (client_id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
  quota       integer NOT NULL DEFAULT 1 CHECK (quota > 0),
  max_running integer CHECK (max_running > 0)
);

CREATE OR REPLACE FUNCTION tickover.enqueue(
  kind         text,
  payload      jsonb,
  client_id    text DEFAULT NULL,
  run_at       timestamptz DEFAULT NULL,
  priority     integer DEFAULT 0,
  max_attempts integer DEFAULT 5,
  timeout_s    double precision DEFAULT 60,
  dedupe_key   text DEFAULT NULL
) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  job_id bigint;
BEGIN
  IF run_at NOT BETWEEN now() - interval '10 years' AND now() + interval '10 years' THEN
    RAISE EXCEPTION 'run_at % lies more than 10 years from now', run_at
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a time at which the job is really meant to run.';
  END IF;
  IF priority NOT BETWEEN -1000 AND 1000 THEN
    RAISE EXCEPTION 'priority % is not between -1000 and 1000', priority USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF kind !~ '^[a-z][a-z0-9_.-]{0,99}$' THEN
    RAISE EXCEPTION 'kind % is not of the form [a-z][a-z0-9_.-]{0,99}', quote_literal(kind) USING ERRCODE = 'check_violation';
  END IF;
  IF client_id !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$' THEN
    RAISE EXCEPTION 'client_id % is not of the form [A-Za-z0-9][A-Za-z0-9_.-]{0,63}', quote_literal(client_id)
      USING ERRCODE = 'check_violation';
  END IF;
  LOOP
    INSERT INTO tickover.job AS j (
      kind, payload, client_id, run_at, priority, max_attempts, timeout_s, dedupe_key, state, lane)
    VALUES (
      kind, payload, client_id, coalesce(run_at, now()), priority, max_attempts, timeout_s, dedupe_key,
      CASE WHEN run_at > now() THEN 'scheduled' ELSE 'queued' END,
      coalesce((SELECT l.lane FROM tickover.lane l WHERE l.kind = enqueue.kind), 0))
    ON CONFLICT DO NOTHING
    RETURNING j.id INTO job_id;
    EXIT WHEN job_id IS NOT NULL;
    SELECT j.id INTO job_id FROM tickover.job j
    WHERE j.kind = enqueue.kind AND j.dedupe_key = enqueue.dedupe_key AND j.state IN ('scheduled', 'queued', 'running');
    EXIT WHEN job_id IS NOT NULL; -- otherwise that job ended between the two statements: try again
  END LOOP;
  RETURN job_id;
END
$$;

-- How many more jobs a lane may have running now: `room`, or less where its kind has limits.
CREATE FUNCTION tickover.lane_room(l tickover.lane, room integer) RETURNS integer LANGUAGE sql VOLATILE AS $$
  SELECT least(
    room,
    l.max_running - (
      SELECT count(*)::integer FROM tickover.job j
      WHERE j.state = 'running' AND j.lane = l.lane AND j.lease_expires_at > clock_timestamp()),
    -- A bucket that holds `rate` starts and fills up within `per_s` seconds: what is spent beyond now is not there.
    floor(extract(epoch FROM clock_timestamp() - greatest(l.spent_until, clock_timestamp() - make_interval(secs => l.per_s)))
      * l.rate / l.per_s)::integer)
$$;

-- How many jobs of each client are running; nothing where no client has a cap, and nobody asks.
CREATE FUNCTION tickover.running_jobs(default_max integer) RETURNS TABLE (client text, running integer)
LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(j.client_id, ''), count(*)::integer FROM tickover.job j
  WHERE j.state = 'running' AND j.lease_expires_at > clock_timestamp()
    AND (default_max IS NOT NULL OR EXISTS (SELECT FROM tickover.client_quota WHERE max_running IS NOT NULL))
  GROUP BY 1
$$;

-- Choose queued jobs of a lane round by round: from each client that has some, in the order of their names and on from the
-- one served last, its quota, its most urgent first; then the next round. Looks at `ring` clients at most. `served` is the
-- client of the last job chosen, or the last client looked at where nothing could be; `looked_at` how many those were.
CREATE FUNCTION tickover.choose_fairly(
  in_lane smallint, served text, room integer, ring integer, default_quota integer, default_max integer,
  OUT chosen tid[], OUT last_served text, OUT looked_at integer
) LANGUAGE sql VOLATILE AS $$
  WITH RECURSIVE ahead(client, place) AS (
    (SELECT coalesce(j.client_id, ''), 1 FROM tickover.job j
     WHERE j.lane = in_lane AND j.state = 'queued' AND coalesce(j.client_id, '') > served
     ORDER BY coalesce(j.client_id, '') LIMIT 1)
    UNION ALL
    SELECT next.client, a.place + 1 FROM ahead a CROSS JOIN LATERAL (
      SELECT coalesce(j.client_id, '') AS client FROM tickover.job j
      WHERE j.lane = in_lane AND j.state = 'queued' AND coalesce(j.client_id, '') > a.client
      ORDER BY coalesce(j.client_id, '') LIMIT 1) next
    WHERE a.place < ring
  ), behind(client, place) AS (
    (SELECT coalesce(j.client_id, ''), (SELECT count(*)::integer FROM ahead) + 1 FROM tickover.job j
     WHERE j.lane = in_lane AND j.state = 'queued' AND coalesce(j.client_id, '') <= served
       AND (SELECT count(*) FROM ahead) < ring
     ORDER BY coalesce(j.client_id, '') LIMIT 1)
    UNION ALL
    SELECT next.client, b.place + 1 FROM behind b CROSS JOIN LATERAL (
      SELECT coalesce(j.client_id, '') AS client FROM tickover.job j
      WHERE j.lane = in_lane AND j.state = 'queued'
        AND coalesce(j.client_id, '') > b.client AND coalesce(j.client_id, '') <= served
      ORDER BY coalesce(j.client_id, '') LIMIT 1) next
    WHERE b.place < ring
  ), clients AS (
    SELECT c.client, c.place, coalesce(q.quota, default_quota) AS quota, coalesce(q.max_running, default_max) AS most
    FROM (SELECT client, place FROM ahead UNION ALL SELECT client, place FROM behind) c
    LEFT JOIN tickover.client_quota q ON q.client_id = c.client
  ), shares AS (
    SELECT client, place, quota, least(
      quota * ceil(room::numeric / sum(quota) OVER ())::integer,
      most - coalesce(running, 0)) AS share
    FROM clients LEFT JOIN tickover.running_jobs(default_max) USING (client)
  ), picks AS (
    SELECT mine.ctid, s.client, row_number() OVER (ORDER BY (mine.nth - 1) / s.quota, s.place, mine.nth) AS turn
    FROM shares s CROSS JOIN LATERAL (
      SELECT urgent.ctid, row_number() OVER () AS nth FROM (
        SELECT j.ctid FROM tickover.job j
        WHERE j.lane = in_lane AND j.state = 'queued' AND coalesce(j.client_id, '') = s.client
        ORDER BY j.priority DESC, j.run_at, j.id LIMIT greatest(s.share, 0) FOR UPDATE SKIP LOCKED) urgent) mine
    ORDER BY turn LIMIT room
  )
  SELECT array_agg(p.ctid ORDER BY p.turn),
    coalesce((array_agg(p.client ORDER BY p.turn DESC))[1], (SELECT c.client FROM clients c ORDER BY c.place DESC LIMIT 1)),
    (SELECT count(*)::integer FROM clients)
  FROM picks p
$$;

-- The one way to win jobs. Claims take turns, so that limits hold across replicas; who has to wait for its turn for too long
-- goes on without, first in first out, and leaves alone whatever has limits. Statements in here see what the ones before
-- them did. The settings keep to the indexes whatever the statistics say, which are always behind in a table like this; what
-- they forbid counts as dear, which is no reason to compile a plan.
CREATE FUNCTION tickover.claim_jobs(
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
    UPDATE tickover.job j SET state = 'queued', lease_expires_at = NULL WHERE j.ctid = ANY (ARRAY(
      SELECT lost.ctid FROM tickover.job lost WHERE lost.state = 'running' AND lost.lease_expires_at < now()
      LIMIT 1000 FOR UPDATE SKIP LOCKED));
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

-- The oldest due job, and how many are due, counted up to a bound. Due are those that wait, those whose time has come
-- meanwhile, and those whose lease has expired. The oldest is the oldest of each lane's priorities, of which there are few.
CREATE FUNCTION tickover.look_at_queue(
  at timestamptz, bound integer, OUT id bigint, OUT kind text, OUT run_at timestamptz, OUT due bigint
) RETURNS SETOF record LANGUAGE sql STABLE
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
  ), waiting AS (
    SELECT oldest.* FROM level l CROSS JOIN LATERAL (
      SELECT j.id, j.kind, j.run_at FROM tickover.job j
      WHERE j.lane = l.lane AND -j.priority = -l.priority AND j.state = 'queued'
      ORDER BY j.run_at, j.id LIMIT 1) oldest
    WHERE l.priority IS NOT NULL
  ), come AS (
    SELECT j.id, j.kind, j.run_at FROM tickover.job j
    WHERE j.state = 'scheduled' AND j.run_at <= at
    ORDER BY j.run_at, j.id LIMIT bound
  ), lost AS (
    SELECT j.id, j.kind, j.run_at FROM tickover.job j
    WHERE j.state = 'running' AND j.lease_expires_at < at
    ORDER BY j.run_at, j.id LIMIT bound
  ), counted AS (
    SELECT (SELECT count(*) FROM come) + (SELECT count(*) FROM lost) + count(*) AS due FROM (
      SELECT FROM tickover.job j
      WHERE j.state = 'queued'
      ORDER BY j.lane, -j.priority, j.run_at, j.id LIMIT bound) queued
  )
  SELECT either.id, either.kind, either.run_at, counted.due
  FROM (SELECT * FROM waiting UNION ALL SELECT * FROM come UNION ALL SELECT * FROM lost) either CROSS JOIN counted
  ORDER BY either.run_at, either.id LIMIT 1
$$;

-- The same for the jobs of one client.
CREATE FUNCTION tickover.look_at_client(
  at timestamptz, of_client text, bound integer, OUT id bigint, OUT kind text, OUT run_at timestamptz, OUT due bigint
) RETURNS SETOF record LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_incremental_sort = off SET jit = off
AS $$
  WITH RECURSIVE level(lane, priority) AS (
    SELECT l.lane, (
      SELECT j.priority FROM tickover.job j
      WHERE j.lane = l.lane AND j.state = 'queued'
        AND coalesce(j.client_id, '') = of_client
      ORDER BY j.priority DESC LIMIT 1)
    FROM tickover.lane l
    UNION ALL
    SELECT l.lane, (
      SELECT j.priority FROM tickover.job j
      WHERE j.lane = l.lane AND j.state = 'queued' AND j.priority < l.priority
        AND coalesce(j.client_id, '') = of_client
      ORDER BY j.priority DESC LIMIT 1)
    FROM level l WHERE l.priority IS NOT NULL
  ), waiting AS (
    SELECT oldest.* FROM level l CROSS JOIN LATERAL (
      SELECT j.id, j.kind, j.run_at FROM tickover.job j
      WHERE j.lane = l.lane AND j.priority = l.priority AND j.state = 'queued'
        AND coalesce(j.client_id, '') = of_client
      ORDER BY j.run_at, j.id LIMIT 1) oldest
    WHERE l.priority IS NOT NULL
  ), come AS (
    SELECT j.id, j.kind, j.run_at FROM tickover.job j
    WHERE j.state = 'scheduled' AND j.run_at <= at AND j.client_id = of_client
    ORDER BY j.run_at, j.id LIMIT bound
  ), lost AS (
    SELECT j.id, j.kind, j.run_at FROM tickover.job j
    WHERE j.state = 'running' AND j.lease_expires_at < at
      AND coalesce(j.client_id, '') = of_client
    ORDER BY j.run_at, j.id LIMIT bound
  ), counted AS (
    SELECT (SELECT count(*) FROM come) + (SELECT count(*) FROM lost) + count(*) AS due FROM (
      SELECT FROM tickover.job j
      WHERE j.state = 'queued' AND coalesce(j.client_id, '') = of_client
      ORDER BY j.lane, j.priority DESC, j.run_at, j.id LIMIT bound) queued
  )
  SELECT either.id, either.kind, either.run_at, counted.due
  FROM (SELECT * FROM waiting UNION ALL SELECT * FROM come UNION ALL SELECT * FROM lost) either CROSS JOIN counted
  ORDER BY either.run_at, either.id LIMIT 1
$$;
