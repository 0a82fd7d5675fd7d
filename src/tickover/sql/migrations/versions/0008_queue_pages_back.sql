DROP FUNCTION tickover.clients_in_line, tickover.jobs_in, tickover.newest_job_before;
DROP TABLE tickover.bulk_act, tickover.job_attempt;
DROP INDEX tickover.job_discarded;
UPDATE tickover.job SET state = 'dead', last_error = 'discarded by hand' WHERE state = 'discarded';
ALTER TABLE tickover.job
  DROP CONSTRAINT job_state_check,
  ADD CONSTRAINT job_state_check CHECK (state IN ('scheduled', 'queued', 'running', 'succeeded', 'dead'));
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
