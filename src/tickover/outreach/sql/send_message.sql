-- A draft's message; it has at most one.
INSERT INTO outreach.message
  (client_id, lead_id, direction, channel, external_id, subject, body, draft_id, occurred_at, processed_at)
VALUES
  (%(client_id)s, %(lead_id)s, %(outbound)s, %(channel)s, %(external_id)s, %(subject)s, %(body)s, %(draft_id)s,
   %(now)s, %(now)s)
ON CONFLICT (draft_id) DO NOTHING
