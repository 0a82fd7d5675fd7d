DROP FUNCTION tickover.claim_jobs, tickover.choose_fairly, tickover.lane_room, tickover.running_jobs,
  tickover.look_at_queue, tickover.look_at_client;
DROP TABLE tickover.lane, tickover.client_quota;
DROP INDEX tickover.job_queued, tickover.job_queued_by_client, tickover.job_scheduled, tickover.job_running,
  tickover.job_dedupe;
UPDATE tickover.job SET state = 'queued' WHERE state = 'scheduled';
ALTER TABLE tickover.job
  DROP CONSTRAINT job_state_check,
  DROP COLUMN lane,
  DROP CONSTRAINT job_priority_check,
  ALTER COLUMN kind TYPE text,
  ALTER COLUMN client_id TYPE text,
  ALTER COLUMN dedupe_key TYPE text,
  ADD CONSTRAINT job_kind_check CHECK (kind ~ '^[a-z][a-z0-9_.-]{0,99}$'),
  ADD CONSTRAINT job_client_id_check CHECK (client_id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
  ADD CONSTRAINT job_state_check CHECK (state IN ('queued', 'running', 'succeeded', 'dead'));
ALTER TABLE tickover.job RESET (
  fillfactor,
  autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay,
  autovacuum_analyze_threshold, autovacuum_analyze_scale_factor
);
CREATE INDEX job_due ON tickover.job (priority DESC, run_at, id) WHERE state = 'queued';
CREATE INDEX job_oldest_due ON tickover.job (run_at, id) WHERE state = 'queued';
CREATE INDEX job_leased ON tickover.job (lease_expires_at) WHERE state = 'running';
CREATE UNIQUE INDEX job_dedupe ON tickover.job (kind, dedupe_key) WHERE state IN ('queued', 'running');
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
  LOOP
    INSERT INTO tickover.job AS j (kind, payload, client_id, run_at, priority, max_attempts, timeout_s, dedupe_key)
    VALUES (kind, payload, client_id, coalesce(run_at, now()), priority, max_attempts, timeout_s, dedupe_key)
    ON CONFLICT DO NOTHING
    RETURNING j.id INTO job_id;
    EXIT WHEN job_id IS NOT NULL;
    SELECT j.id INTO job_id FROM tickover.job j
    WHERE j.kind = enqueue.kind AND j.dedupe_key = enqueue.dedupe_key AND j.state IN ('queued', 'running');
    EXIT WHEN job_id IS NOT NULL; -- otherwise that job ended between the two statements: try again
  END LOOP;
  RETURN job_id;
END
$$;
