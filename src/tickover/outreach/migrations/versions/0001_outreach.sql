CREATE TABLE outreach.lead (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id        text NOT NULL,
  name             text NOT NULL,
  email            text,
  phone            text,
  score            integer NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 100),
  scored_at        timestamptz,
  opted_out_at     timestamptz,
  inbound_count    integer NOT NULL DEFAULT 0,
  outbound_count   integer NOT NULL DEFAULT 0,
  last_inbound_at  timestamptz,
  last_outbound_at timestamptz,
  replayed         boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (client_id, email),
  UNIQUE (client_id, phone),
  CHECK (email IS NOT NULL OR phone IS NOT NULL)
);
-- Leads whose messages a local run makes up; the oldest are removed again.
CREATE INDEX lead_replayed ON outreach.lead (id) WHERE replayed;

-- What arrived or went out. An e-mail is kept as the bytes it came in; subject and body are what was read from it.
CREATE TABLE outreach.message (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id    text NOT NULL,
  lead_id      bigint NOT NULL REFERENCES outreach.lead ON DELETE CASCADE,
  direction    text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  channel      text NOT NULL CHECK (channel IN ('email', 'sms')),
  external_id  text NOT NULL,
  raw          bytea,
  subject      text,
  body         text,
  interest     text CHECK (interest IN ('interested', 'declined', 'unclear')),
  notes        text[] NOT NULL DEFAULT '{}',
  draft_id     bigint,
  occurred_at  timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz,
  UNIQUE (client_id, external_id),
  CHECK (draft_id IS NULL OR direction = 'outbound')
);
CREATE INDEX message_lead ON outreach.message (lead_id, occurred_at DESC);
CREATE INDEX message_unprocessed ON outreach.message (id) WHERE processed_at IS NULL;
-- A draft is sent once: the database refuses its second message.
CREATE UNIQUE INDEX message_draft ON outreach.message (draft_id);

CREATE TABLE outreach.ai_draft (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id        text NOT NULL,
  lead_id          bigint NOT NULL REFERENCES outreach.lead ON DELETE CASCADE,
  reply_to         bigint UNIQUE REFERENCES outreach.message ON DELETE CASCADE,
  channel          text NOT NULL CHECK (channel IN ('email', 'sms')),
  subject          text,
  body             text NOT NULL,
  state            text NOT NULL DEFAULT 'pending' CHECK (
    state IN ('pending', 'approved', 'sending', 'sent', 'rejected')),
  state_changed_at timestamptz NOT NULL DEFAULT now(),
  send_at          timestamptz NOT NULL DEFAULT now(),
  created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ai_draft_sending ON outreach.ai_draft (state_changed_at, id) WHERE state = 'sending';
CREATE INDEX ai_draft_lead ON outreach.ai_draft (lead_id);
ALTER TABLE outreach.message ADD FOREIGN KEY (draft_id) REFERENCES outreach.ai_draft ON DELETE CASCADE;

CREATE TABLE outreach.draft_pipeline_run (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id  text NOT NULL,
  lead_id    bigint NOT NULL REFERENCES outreach.lead ON DELETE CASCADE,
  message_id bigint REFERENCES outreach.message ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX draft_pipeline_run_age ON outreach.draft_pipeline_run (created_at);
CREATE INDEX draft_pipeline_run_lead ON outreach.draft_pipeline_run (lead_id);
CREATE INDEX draft_pipeline_run_message ON outreach.draft_pipeline_run (message_id);

CREATE TABLE outreach.draft_pipeline_artifact (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id     bigint NOT NULL REFERENCES outreach.draft_pipeline_run ON DELETE CASCADE,
  client_id  text NOT NULL,
  stage      text NOT NULL,
  content    jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX draft_pipeline_artifact_run ON outreach.draft_pipeline_artifact (run_id);

CREATE TABLE outreach.lead_memory_entry (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id  text NOT NULL,
  lead_id    bigint NOT NULL REFERENCES outreach.lead ON DELETE CASCADE,
  source     text NOT NULL CHECK (source IN ('manual', 'system', 'inference')),
  topic      text NOT NULL,
  content    text NOT NULL,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lead_memory_entry_expiry ON outreach.lead_memory_entry (source, expires_at);
CREATE INDEX lead_memory_entry_lead ON outreach.lead_memory_entry (lead_id);
-- A guess about a topic replaces the former guess, never what a person wrote.
CREATE UNIQUE INDEX lead_memory_entry_guess ON outreach.lead_memory_entry (lead_id, topic) WHERE source = 'inference';

CREATE TABLE outreach.workspace_memory_entry (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id  text NOT NULL,
  source     text NOT NULL CHECK (source IN ('manual', 'system', 'inference')),
  topic      text NOT NULL,
  content    text NOT NULL,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX workspace_memory_entry_expiry ON outreach.workspace_memory_entry (source, expires_at);
CREATE UNIQUE INDEX workspace_memory_entry_guess ON outreach.workspace_memory_entry (client_id, topic)
  WHERE source = 'inference';
