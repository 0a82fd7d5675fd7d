INSERT INTO outreach.draft_pipeline_artifact (run_id, client_id, stage, content)
VALUES (%(run_id)s, %(client_id)s, %(stage)s, %(content)s)
