-- Indexes that pruning walks go on with the key, so that rows of one time have an order too.
CREATE INDEX draft_pipeline_run_walk ON outreach.draft_pipeline_run (created_at, id);
DROP INDEX outreach.draft_pipeline_run_age;
CREATE INDEX lead_memory_entry_walk ON outreach.lead_memory_entry (source, expires_at, id);
DROP INDEX outreach.lead_memory_entry_expiry;
CREATE INDEX workspace_memory_entry_walk ON outreach.workspace_memory_entry (source, expires_at, id);
DROP INDEX outreach.workspace_memory_entry_expiry;
