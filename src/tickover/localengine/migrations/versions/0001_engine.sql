-- One row; whoever claims calls locks it, so that concurrency limits hold over several engine processes.
CREATE TABLE tickover_engine.turn (id boolean PRIMARY KEY DEFAULT true CHECK (id));
INSERT INTO tickover_engine.turn DEFAULT VALUES;

CREATE TABLE tickover_engine.function (
  id     text PRIMARY KEY,
  app    text NOT NULL,
  url    text NOT NULL,
  config jsonb NOT NULL
);

-- One row; its number grows with every registration that changes anything, so that an engine process that remembers the
-- functions can tell whether what it remembers is still so.
CREATE TABLE tickover_engine.registry (
  id      boolean PRIMARY KEY DEFAULT true CHECK (id),
  version bigint NOT NULL DEFAULT 0
);
INSERT INTO tickover_engine.registry DEFAULT VALUES;

CREATE TABLE tickover_engine.event (
  internal_id text PRIMARY KEY,
  event_id    text NOT NULL,
  name        text NOT NULL,
  body        jsonb NOT NULL,
  received_at timestamptz NOT NULL
);
CREATE INDEX event_event ON tickover_engine.event (event_id);
CREATE INDEX event_received ON tickover_engine.event (received_at);

-- What has been seen in the last 24 h: event ids that senders gave, and values of idempotency expressions.
CREATE TABLE tickover_engine.seen (
  key text PRIMARY KEY,
  at  timestamptz NOT NULL
);
CREATE INDEX seen_at ON tickover_engine.seen (at);

CREATE TABLE tickover_engine.run (
  id          text PRIMARY KEY,
  function_id text NOT NULL,
  internal_id text NOT NULL, -- of the event that started it
  state       text NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed')),
  version     integer NOT NULL DEFAULT -1,
  output      jsonb,
  singleton   text, -- of the runs with the same value, one is alive at a time
  created_at  timestamptz NOT NULL,
  started_at  timestamptz,
  ended_at    timestamptz
);
CREATE INDEX run_event ON tickover_engine.run (internal_id);
CREATE INDEX run_ended ON tickover_engine.run (ended_at) WHERE ended_at IS NOT NULL;
CREATE UNIQUE INDEX run_singleton ON tickover_engine.run (singleton) WHERE ended_at IS NULL;

-- The memoized steps of a run, in the order in which they were. A step that an application reports twice is there twice,
-- so that it counts towards the most a run may have.
CREATE TABLE tickover_engine.step (
  run_id   text NOT NULL REFERENCES tickover_engine.run ON DELETE CASCADE,
  position bigint GENERATED ALWAYS AS IDENTITY,
  step_id  text NOT NULL,
  memo     jsonb,
  PRIMARY KEY (run_id, position)
);

-- One row per call still to be made or being made.
CREATE TABLE tickover_engine.item (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id     text NOT NULL,
  run_id     text NOT NULL REFERENCES tickover_engine.run ON DELETE CASCADE,
  function_id text NOT NULL, -- the run's
  step_id    text NOT NULL,
  attempt    integer NOT NULL DEFAULT 0,
  queued_at  timestamptz NOT NULL,
  due_at     timestamptz NOT NULL, -- infinity: never
  slots      text[] NOT NULL,
  limits     integer[] NOT NULL,
  fence      bigint NOT NULL DEFAULT 0,
  leased_to  timestamptz,
  wakes      text, -- set where the row wakes a step that has slept, instead of standing for a call
  name       text -- by which people know that step
);
CREATE INDEX item_due ON tickover_engine.item (due_at, id);
CREATE INDEX item_run ON tickover_engine.item (run_id);
CREATE INDEX item_leased ON tickover_engine.item (leased_to) WHERE leased_to IS NOT NULL;

-- What became of each call, for people: one row per answer, and one per sleep.
CREATE TABLE tickover_engine.call (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id      text NOT NULL REFERENCES tickover_engine.run ON DELETE CASCADE,
  step_id     text NOT NULL, -- what was asked for: `step` for the function itself, or a step found in parallel
  attempt     integer NOT NULL,
  outcome     text NOT NULL CHECK (outcome IN
    ('returned', 'step', 'step_failed', 'planned', 'slept', 'woke', 'retried', 'failed')),
  name        text, -- of the step the answer is about
  http_status integer NOT NULL, -- 0: no answer
  error       text,
  queued_at   timestamptz NOT NULL,
  started_at  timestamptz NOT NULL,
  ended_at    timestamptz NOT NULL
);
CREATE INDEX call_run ON tickover_engine.call (run_id, id);

-- When each cron trigger fires next.
CREATE TABLE tickover_engine.schedule (
  function_id text NOT NULL REFERENCES tickover_engine.function ON DELETE CASCADE,
  cron        text NOT NULL,
  next_at     timestamptz NOT NULL,
  PRIMARY KEY (function_id, cron)
);

-- What goes wrong on command.
CREATE TABLE tickover_engine.fault (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL,
  subject     text, -- the event's name or the function's id it is about; NULL: all
  remaining   integer CHECK (remaining >= 0), -- how often it still strikes; NULL: as often as it likes
  probability double precision NOT NULL DEFAULT 1 CHECK (probability > 0 AND probability <= 1),
  seconds     double precision, -- of a delay, a hang or a skew
  struck      bigint NOT NULL DEFAULT 0,
  created_at  timestamptz NOT NULL DEFAULT now(),
  until       timestamptz NOT NULL
);
