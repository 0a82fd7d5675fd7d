-- Approved drafts of a lead that are due; a recovered one has no job of its own any more.
SELECT id FROM outreach.ai_draft
WHERE lead_id = %(lead_id)s AND state = %(approved)s AND send_at <= %(now)s
ORDER BY id LIMIT 20
