-- What is set for a function. Without a stage nobody has set anything: its flag alone decides.
ALTER TABLE tickover.control
  ADD COLUMN stage text CHECK (stage IN ('inline', 'shadow', 'canary', 'durable')),
  ADD COLUMN percent smallint CHECK (percent BETWEEN 1 AND 99),
  ADD COLUMN version bigint NOT NULL DEFAULT 0,
  ADD COLUMN changed_by text,
  ADD COLUMN reason text,
  ADD COLUMN changed_at timestamptz,
  ADD COLUMN held boolean NOT NULL DEFAULT false,
  ADD COLUMN auto boolean NOT NULL DEFAULT false,
  ADD COLUMN rolled_back boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT control_share CHECK (coalesce(stage = 'canary', false) = (percent IS NOT NULL)),
  ADD CONSTRAINT control_told CHECK (stage IS NULL OR (changed_by, reason, changed_at) IS NOT NULL);

-- Whether a function's work is done inline whatever its events say: they were accepted before it was rolled back, or are
-- those of a shadow.
CREATE FUNCTION tickover.is_inline(asked text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM tickover.control c WHERE c.function = asked AND c.stage IN ('inline', 'shadow'))
$$;

-- Late, as before; and begun by the engine, with nobody carrying it out, while the function is inline: the engine's next
-- attempt would be refused.
CREATE OR REPLACE FUNCTION tickover.is_late(o tickover.obligation) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT (o.state IN ('owed', 'accepted') AND o.start_by < now())
    OR ((o.state IN ('retrying', 'interrupted') OR (o.state = 'running' AND o.lease_expires_at < now()))
        AND (o.finish_by < now() OR o.path <> 'durable' OR tickover.is_inline(o.function)))
$$;

-- When the engine took an obligation's event; without it the engine has nothing to do with it.
ALTER TABLE tickover.obligation
  ADD COLUMN accepted_at timestamptz,
  -- The engine's last attempt failed. Cron may deliver the tick again, and then another path carries it out.
  ADD COLUMN failed_durably boolean NOT NULL DEFAULT false;
-- Of what was before, only the newest is asked for: by the circuits.
UPDATE tickover.obligation o SET accepted_at = o.created_at FROM tickover.tick t
WHERE t.id = o.tick_id AND t.event_ids <> '{}' AND t.requested_at > now() - interval '7 days';

-- The evidence of a rollout: what became of the events that were accepted since a function came to stand where it stands.
CREATE INDEX obligation_accepted ON tickover.obligation (function, accepted_at DESC) WHERE accepted_at IS NOT NULL;

-- Why a tick's work was inline whatever was set for its functions: a switch of its process, or its environment. Whoever looks
-- from elsewhere learns so what is in force there.
ALTER TABLE tickover.tick ADD COLUMN switched_off text;

-- Functions for which a tick found nothing to do, so that it owes nothing for them.
ALTER TABLE tickover.tick ADD COLUMN idle text[] NOT NULL DEFAULT '{}';

-- A tick's work done inline, and dry beside it by the engine: who sent it, who ran it, and what would have been done.
CREATE TABLE tickover.shadow_run (
  tick_id     bigint NOT NULL REFERENCES tickover.tick ON DELETE CASCADE,
  function    text NOT NULL,
  sender      jsonb NOT NULL,
  sent_at     timestamptz NOT NULL DEFAULT now(),
  start_by    timestamptz NOT NULL,
  send_error  text,
  run_id      text,
  runner      jsonb,
  started_at  timestamptz,
  finished_at timestamptz,
  summaries   jsonb,
  PRIMARY KEY (tick_id, function)
);
CREATE INDEX shadow_run_newest ON tickover.shadow_run (function, tick_id DESC);
