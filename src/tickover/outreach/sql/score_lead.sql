UPDATE outreach.lead SET score = %(score)s, scored_at = %(now)s WHERE id = %(lead_id)s
