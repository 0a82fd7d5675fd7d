-- A draft about to be sent; a second job for it waits here.
SELECT id, lead_id, channel, subject, body, state, send_at FROM outreach.ai_draft
WHERE id = %(id)s AND client_id = %(client_id)s
FOR UPDATE
