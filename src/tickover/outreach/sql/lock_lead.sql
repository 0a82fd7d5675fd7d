-- Whether a lead has opted out; nobody changes that until the commit.
SELECT opted_out_at IS NOT NULL AS opted_out FROM outreach.lead
WHERE id = %(lead_id)s AND client_id = %(client_id)s
FOR NO KEY UPDATE
