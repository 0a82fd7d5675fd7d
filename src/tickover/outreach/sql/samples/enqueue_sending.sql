SELECT tickover.enqueue(
  'ai_auto_send_delayed', jsonb_build_object('draft_id', id), client_id => client_id, dedupe_key => 'draft:' || id)
FROM outreach.ai_draft
WHERE id = ANY (%(ids)s)
ORDER BY id
