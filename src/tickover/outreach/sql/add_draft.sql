INSERT INTO outreach.ai_draft (client_id, lead_id, reply_to, channel, subject, body, state, send_at)
VALUES (%(client_id)s, %(lead_id)s, %(reply_to)s, %(channel)s, %(subject)s, %(body)s, %(state)s, %(send_at)s)
RETURNING id
