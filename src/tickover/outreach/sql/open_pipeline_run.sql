INSERT INTO outreach.draft_pipeline_run (client_id, lead_id, message_id)
VALUES (%(client_id)s, %(lead_id)s, %(message_id)s)
RETURNING id
