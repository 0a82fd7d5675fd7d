-- One row; whoever claims calls locks it, so that concurrency limits hold over several engine processes.
CREATE TABLE tickover_engine.turn (id boolean PRIMARY KEY DEFAULT true CHECK (id));
INSERT INTO tickover_engine.turn DEFAULT VALUES;

CREATE TABLE tickover_engine.function (
  id     text PRIMARY KEY,
  app    text NOT NULL,
  url    text NOT NULL,
  config jsonb NOT NULL
);

CREATE TABLE tickover_engine.event (
  internal_id text PRIMARY KEY,
  event_id    text NOT NULL,
  name        text NOT NULL,
  body        jsonb NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_event ON tickover_engine.event (event_id);

-- What has been seen in the last 24 h: event ids, and values of idempotency expressions.
CREATE TABLE tickover_engine.seen (
  key text PRIMARY KEY,
  at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tickover_engine.run (
  id          text PRIMARY KEY,
  function_id text NOT NULL,
  event_id    text NOT NULL,
  event       jsonb NOT NULL,
  state       text NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed')),
  version     integer NOT NULL DEFAULT -1,
  steps       jsonb NOT NULL DEFAULT '{}',
  stack       text[] NOT NULL DEFAULT '{}',
  output      jsonb,
  created_at  timestamptz NOT NULL DEFAULT now(),
  started_at  timestamptz,
  ended_at    timestamptz
);
CREATE INDEX run_event ON tickover_engine.run (event_id);

-- One row per call still to be made or being made.
CREATE TABLE tickover_engine.item (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id     text NOT NULL,
  run_id     text NOT NULL REFERENCES tickover_engine.run ON DELETE CASCADE,
  step_id    text NOT NULL,
  attempt    integer NOT NULL DEFAULT 0,
  due_at     timestamptz NOT NULL DEFAULT now(),
  slots      text[] NOT NULL,
  limits     integer[] NOT NULL,
  fence      bigint NOT NULL DEFAULT 0,
  leased_to  timestamptz,
  wakes      text -- set where the row wakes a step that has slept, instead of standing for a call
);
CREATE INDEX item_due ON tickover_engine.item (due_at, id);
CREATE INDEX item_run ON tickover_engine.item (run_id);
CREATE INDEX item_leased ON tickover_engine.item (leased_to) WHERE leased_to IS NOT NULL;
