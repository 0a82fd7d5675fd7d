-- A row for each recurring job that was ever declared: when it occurs next, by which expression in which zone, and what
-- became of its last occurrence. The job may be gone by now.
CREATE TABLE tickover.recurring (
  name        text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_.-]{0,99}$'),
  cron        text NOT NULL,
  timezone    text NOT NULL,
  next_at     timestamptz NOT NULL,
  last_at     timestamptz,
  last_job_id bigint,
  created_at  timestamptz NOT NULL DEFAULT now()
);
