-- Drafts in a state since some time; of those in %(lead_id)s, each in the place of its array. Returns their ids.
INSERT INTO outreach.ai_draft (client_id, lead_id, channel, subject, body, state, state_changed_at, send_at, created_at)
SELECT l.client_id, l.id, %(channel)s, %(subject)s, %(body)s, n.state, n.since, n.since, n.since
FROM unnest(%(lead_id)s::bigint[], %(state)s::text[], %(since)s::timestamptz[]) AS n(lead_id, state, since)
JOIN outreach.lead l ON l.id = n.lead_id
RETURNING id, state
