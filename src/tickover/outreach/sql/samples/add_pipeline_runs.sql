-- For every lead a run of each age, with its artifacts.
WITH run AS (
  INSERT INTO outreach.draft_pipeline_run (client_id, lead_id, created_at)
  SELECT l.client_id, l.id, n.created_at
  FROM outreach.lead l, unnest(%(created_at)s::timestamptz[]) AS n(created_at)
  WHERE l.id = ANY (%(lead_id)s)
  RETURNING id, client_id, created_at
)
INSERT INTO outreach.draft_pipeline_artifact (run_id, client_id, stage, content, created_at)
SELECT run.id, run.client_id, n.stage, jsonb_build_object('sample', true), run.created_at
FROM run, unnest(%(stage)s::text[]) AS n(stage)
