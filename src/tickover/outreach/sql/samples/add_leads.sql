-- Leads that are not there yet; returns those.
INSERT INTO outreach.lead (client_id, name, email, phone, replayed)
SELECT n.client_id, n.name, n.email, n.phone, %(replayed)s
FROM unnest(%(client_id)s::text[], %(name)s::text[], %(email)s::text[], %(phone)s::text[])
  AS n(client_id, name, email, phone)
ON CONFLICT DO NOTHING
RETURNING id
