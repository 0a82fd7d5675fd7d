-- Messages that arrive: each one's row and its job are stored together, or neither is.
WITH arrived AS (
  INSERT INTO outreach.message (client_id, lead_id, direction, channel, external_id, raw, body, occurred_at)
  SELECT n.client_id, l.id, %(inbound)s, n.channel, n.external_id, n.raw, n.body, n.occurred_at
  FROM unnest(
    %(client_id)s::text[], %(email)s::text[], %(channel)s::text[], %(external_id)s::text[], %(raw)s::bytea[],
    %(body)s::text[], %(occurred_at)s::timestamptz[]
  ) AS n(client_id, email, channel, external_id, raw, body, occurred_at)
  JOIN outreach.lead l ON l.client_id = n.client_id AND l.email = n.email
  ON CONFLICT DO NOTHING
  RETURNING id, client_id, channel
)
SELECT tickover.enqueue(
  channel || '_inbound_post_process', jsonb_build_object('message_id', id), client_id => client_id)
FROM arrived ORDER BY id
