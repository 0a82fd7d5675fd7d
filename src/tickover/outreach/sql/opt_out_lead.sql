-- The first opt-out stands.
UPDATE outreach.lead SET opted_out_at = %(now)s WHERE id = %(lead_id)s AND opted_out_at IS NULL
