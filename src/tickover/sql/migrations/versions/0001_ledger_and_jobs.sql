CREATE TABLE tickover.tick (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dispatch_key    text NOT NULL UNIQUE,
  route           text NOT NULL,
  client_id       text,
  identity_source text NOT NULL,
  mode            text NOT NULL,
  reason          text NOT NULL,
  correlation_id  text NOT NULL,
  event_ids       text[] NOT NULL DEFAULT '{}',
  error           jsonb,
  requested_at    timestamptz NOT NULL DEFAULT now(),
  completed_at    timestamptz
);
-- By time, not by id: a question for the newest would be answered by walking the primary key back through all the others.
CREATE INDEX tick_newest ON tickover.tick (route, requested_at DESC);
-- What the circuit looks at: the newest ticks that were handed over, or were to be.
CREATE INDEX tick_attempted ON tickover.tick (route, requested_at DESC) WHERE event_ids <> '{}' OR error IS NOT NULL;

CREATE TABLE tickover.obligation (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tick_id          bigint NOT NULL REFERENCES tickover.tick ON DELETE CASCADE,
  function         text NOT NULL,
  client_id        text,
  state            text NOT NULL CHECK (
    state IN ('owed', 'accepted', 'running', 'retrying', 'interrupted', 'succeeded', 'failed', 'covered')),
  path             text CHECK (path IN ('durable', 'inline', 'fallback', 'recovery')),
  run_id           text,
  fence            bigint NOT NULL DEFAULT 0,
  attempt          integer NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  start_by         timestamptz NOT NULL,
  finish_by        timestamptz,
  started_at       timestamptz,
  finished_at      timestamptz,
  error            text,
  fenced_off       integer NOT NULL DEFAULT 0,
  covered_by       bigint REFERENCES tickover.obligation ON DELETE SET NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tick_id, function)
);
-- Unended obligations are few; every question about what is still owed walks only them.
CREATE INDEX obligation_unended ON tickover.obligation (function, id)
  WHERE state IN ('owed', 'accepted', 'running', 'retrying', 'interrupted');
CREATE INDEX obligation_newest ON tickover.obligation (function, id DESC);
-- Obligations that two executors were at, one of them beyond its lease. There should be few.
CREATE INDEX obligation_fenced_off ON tickover.obligation (id DESC) WHERE fenced_off > 0;
-- So that forgetting one does not read all the others for what it covered.
CREATE INDEX obligation_covered ON tickover.obligation (covered_by) WHERE covered_by IS NOT NULL;

-- Late: owed or accepted and not begun in time; or begun, with nobody carrying it out, and either past the time by
-- which it had to finish or of a path that nobody will call again.
CREATE FUNCTION tickover.is_late(o tickover.obligation) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT (o.state IN ('owed', 'accepted') AND o.start_by < now())
    OR ((o.state IN ('retrying', 'interrupted') OR (o.state = 'running' AND o.lease_expires_at < now()))
        AND (o.finish_by < now() OR o.path <> 'durable'))
$$;

-- What an obligation that was handed over says about the engine. Missed: it had to be recovered, another path covered it
-- when it was late, or it is late, while the function does not run. Waiting: it may still begin. Otherwise the engine ran it.
CREATE FUNCTION tickover.fate(o tickover.obligation) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN o.path = 'recovery' THEN 'missed'
    WHEN o.state = 'covered' THEN (
      SELECT CASE WHEN c.path = 'durable' THEN 'ran' ELSE 'missed' END FROM tickover.obligation c WHERE c.id = o.covered_by)
    WHEN o.path IS NOT NULL OR o.state NOT IN ('owed', 'accepted') THEN 'ran'
    WHEN tickover.is_late(o) AND NOT EXISTS (
      SELECT 1 FROM tickover.obligation busy
      WHERE busy.function = o.function AND busy.state = 'running' AND busy.lease_expires_at > now()) THEN 'missed'
    ELSE 'waiting'
  END
$$;

CREATE TABLE tickover.responsibility_run (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  obligation_id  bigint NOT NULL REFERENCES tickover.obligation ON DELETE CASCADE,
  responsibility text NOT NULL,
  path           text NOT NULL,
  attempt        integer NOT NULL,
  fence          bigint NOT NULL,
  started_at     timestamptz NOT NULL,
  duration_ms    double precision NOT NULL,
  summary        jsonb NOT NULL,
  error          text
);
CREATE INDEX responsibility_run_newest ON tickover.responsibility_run (responsibility, started_at DESC);
CREATE INDEX responsibility_run_obligation ON tickover.responsibility_run (obligation_id);
-- What a function has done for a tick is not done again.
CREATE UNIQUE INDEX responsibility_run_once ON tickover.responsibility_run (obligation_id, responsibility)
  WHERE error IS NULL;

-- A row per function; whoever decides about carrying one out beside the engine locks it first.
CREATE TABLE tickover.control (
  function text PRIMARY KEY
);

-- Whether a route's circuit is open follows from its newest ticks; here stands what was last announced of it, and when
-- a tick was last let through to probe.
CREATE TABLE tickover.circuit (
  route     text PRIMARY KEY,
  state     text NOT NULL CHECK (state IN ('closed', 'open')),
  since     timestamptz NOT NULL DEFAULT now(),
  probed_at timestamptz
);

-- Requests to the engine's endpoint and to the cron endpoints that were refused: a row for each cause, counted.
CREATE TABLE tickover.refusal (
  endpoint  text NOT NULL,
  cause     text NOT NULL,
  detail    text NOT NULL,
  count     bigint NOT NULL,
  first_at  timestamptz NOT NULL DEFAULT now(),
  last_at   timestamptz NOT NULL DEFAULT now(),
  mended_at timestamptz,
  PRIMARY KEY (endpoint, cause)
);

CREATE TABLE tickover.audit (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at       timestamptz NOT NULL DEFAULT now(),
  action   text NOT NULL,
  subject  text NOT NULL,
  by       text NOT NULL,
  reason   text NOT NULL,
  evidence jsonb NOT NULL
);
CREATE INDEX audit_subject ON tickover.audit (subject, id DESC);

CREATE TABLE tickover.job (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind             text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_.-]{0,99}$'),
  client_id        text CHECK (client_id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
  payload          jsonb NOT NULL,
  priority         smallint NOT NULL DEFAULT 0,
  run_at           timestamptz NOT NULL DEFAULT now() CHECK (isfinite(run_at)),
  state            text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'dead')),
  attempts         integer NOT NULL DEFAULT 0,
  max_attempts     integer NOT NULL DEFAULT 5 CHECK (max_attempts BETWEEN 1 AND 100),
  timeout_s        double precision NOT NULL DEFAULT 60 CHECK (timeout_s > 0 AND timeout_s <= 3600),
  dedupe_key       text CHECK (length(dedupe_key) BETWEEN 1 AND 200),
  fence            bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz,
  last_error       text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  finished_at      timestamptz
);
CREATE INDEX job_due ON tickover.job (priority DESC, run_at, id) WHERE state = 'queued';
CREATE INDEX job_oldest_due ON tickover.job (run_at, id) WHERE state = 'queued';
CREATE INDEX job_leased ON tickover.job (lease_expires_at) WHERE state = 'running';
CREATE INDEX job_dead ON tickover.job (id DESC) WHERE state = 'dead';
CREATE UNIQUE INDEX job_dedupe ON tickover.job (kind, dedupe_key) WHERE state IN ('queued', 'running');

-- Any client, in any language, inside its own transaction. Returns the job's id; for a dedupe key that an
-- unfinished job of the same kind holds already, that job's id.
CREATE FUNCTION tickover.enqueue(
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
