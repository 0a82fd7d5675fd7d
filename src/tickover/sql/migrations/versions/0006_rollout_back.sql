DROP TABLE tickover.shadow_run;
ALTER TABLE tickover.tick DROP COLUMN idle, DROP COLUMN switched_off;
ALTER TABLE tickover.obligation DROP COLUMN accepted_at, DROP COLUMN failed_durably;
DROP FUNCTION tickover.is_inline(text);
ALTER TABLE tickover.control
  DROP COLUMN stage, DROP COLUMN percent, DROP COLUMN version, DROP COLUMN changed_by, DROP COLUMN reason,
  DROP COLUMN changed_at, DROP COLUMN held, DROP COLUMN auto, DROP COLUMN rolled_back;
