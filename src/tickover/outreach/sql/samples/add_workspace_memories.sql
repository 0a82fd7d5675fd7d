-- Every entry for every client.
INSERT INTO outreach.workspace_memory_entry (client_id, source, topic, content, expires_at)
SELECT c.client_id, n.source, n.topic, n.content, n.expires_at
FROM unnest(%(client_id)s::text[]) AS c(client_id),
  unnest(%(source)s::text[], %(topic)s::text[], %(content)s::text[], %(expires_at)s::timestamptz[])
  AS n(source, topic, content, expires_at)
