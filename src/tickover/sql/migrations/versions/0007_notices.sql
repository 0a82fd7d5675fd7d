-- Something that is wrong, from its first sight to its end. `scope` is what has to be looked at to know whether it still is.
CREATE TABLE tickover.notice (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version       bigint NOT NULL DEFAULT 0,
  key           text NOT NULL,
  scope         text NOT NULL,
  code          text NOT NULL,
  severity      text NOT NULL CHECK (severity IN ('page', 'warn')),
  state         text NOT NULL CHECK (state IN ('suspected', 'open', 'fading', 'closed', 'dismissed')),
  subjects      text[] NOT NULL,
  text          text NOT NULL,
  remedy        text NOT NULL,
  affects       text[] NOT NULL,
  done          text[] NOT NULL,
  evidence      jsonb NOT NULL,
  is_new        boolean NOT NULL,
  first_seen_at timestamptz NOT NULL,
  seen_at       timestamptz NOT NULL,
  opened_at     timestamptz,
  away_since    timestamptz,
  closed_at     timestamptz,
  seen_count    bigint NOT NULL DEFAULT 1,
  flaps         integer NOT NULL DEFAULT 0,
  CONSTRAINT notice_ended CHECK ((state IN ('closed', 'dismissed')) = (closed_at IS NOT NULL))
);
-- One of a cause, however many replicas see it first.
CREATE UNIQUE INDEX notice_live ON tickover.notice (key) WHERE state IN ('suspected', 'open', 'fading');
CREATE INDEX notice_ended_at ON tickover.notice (closed_at DESC) WHERE closed_at IS NOT NULL;

-- Where notices go, by names that hold no secret. Whoever delivers to one locks its row first, so that what is delivered within
-- an hour can be counted.
CREATE TABLE tickover.notice_destination (
  name text PRIMARY KEY
);

-- That a notice opened, or closed, to be told to one destination; once, however many replicas there are.
CREATE TABLE tickover.notice_delivery (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notice_id        bigint NOT NULL REFERENCES tickover.notice ON DELETE CASCADE,
  kind             text NOT NULL CHECK (kind IN ('opened', 'closed')),
  destination      text NOT NULL,
  breaks           boolean NOT NULL,
  state            text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'abandoned')),
  due_at           timestamptz NOT NULL,
  lease_expires_at timestamptz,
  attempts         integer NOT NULL DEFAULT 0,
  last_error       text,
  message          uuid,
  created_at       timestamptz NOT NULL,
  sent_at          timestamptz,
  UNIQUE (notice_id, kind, destination)
);
CREATE INDEX notice_delivery_due ON tickover.notice_delivery (destination, due_at) WHERE state = 'due';
CREATE INDEX notice_delivery_sent ON tickover.notice_delivery (destination, sent_at DESC) WHERE state = 'sent';

-- The dead letters of the last hour are asked for at every look.
CREATE INDEX job_died ON tickover.job (finished_at DESC) WHERE state = 'dead';
