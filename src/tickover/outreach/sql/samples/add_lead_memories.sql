-- Every entry for every lead.
INSERT INTO outreach.lead_memory_entry (client_id, lead_id, source, topic, content, expires_at)
SELECT l.client_id, l.id, n.source, n.topic, n.content, n.expires_at
FROM outreach.lead l,
  unnest(%(source)s::text[], %(topic)s::text[], %(content)s::text[], %(expires_at)s::timestamptz[])
  AS n(source, topic, content, expires_at)
WHERE l.id = ANY (%(lead_id)s)
