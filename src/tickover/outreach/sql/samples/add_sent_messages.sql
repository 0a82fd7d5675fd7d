-- The messages of drafts whose last move was never recorded: every second one that is stuck in this state.
INSERT INTO outreach.message
  (client_id, lead_id, direction, channel, external_id, subject, body, draft_id, occurred_at, processed_at)
SELECT client_id, lead_id, %(outbound)s, channel, 'draft-' || id, subject, body, id, state_changed_at, state_changed_at
FROM outreach.ai_draft
WHERE id = ANY (%(ids)s)
