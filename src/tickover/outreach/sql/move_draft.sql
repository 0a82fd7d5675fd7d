-- Only along the table of moves: from a state that may lead to this one.
UPDATE outreach.ai_draft SET state = %(target)s, state_changed_at = %(now)s
WHERE id = %(id)s AND state = ANY (%(sources)s)
RETURNING id
