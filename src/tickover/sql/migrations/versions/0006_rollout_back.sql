DROP TABLE tickover.shadow_run;
ALTER TABLE tickover.tick DROP COLUMN idle, DROP COLUMN switched_off;
ALTER TABLE tickover.obligation DROP COLUMN accepted_at, DROP COLUMN failed_durably;
CREATE OR REPLACE FUNCTION tickover.is_late(o tickover.obligation) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT (o.state IN ('owed', 'accepted') AND o.start_by < now())
    OR ((o.state IN ('retrying', 'interrupted') OR (o.state = 'running' AND o.lease_expires_at < now()))
        AND (o.finish_by < now() OR o.path <> 'durable'))
$$;
DROP FUNCTION tickover.is_inline(text);
ALTER TABLE tickover.control
  DROP COLUMN stage, DROP COLUMN percent, DROP COLUMN version, DROP COLUMN changed_by, DROP COLUMN reason,
  DROP COLUMN changed_at, DROP COLUMN held, DROP COLUMN auto, DROP COLUMN rolled_back;
