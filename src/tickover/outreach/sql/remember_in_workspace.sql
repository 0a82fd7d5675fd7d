-- As for a lead, for everybody who works for the client.
INSERT INTO outreach.workspace_memory_entry AS m (client_id, source, topic, content, expires_at)
VALUES (%(client_id)s, %(inference)s, %(topic)s, %(content)s, %(expires_at)s)
ON CONFLICT (client_id, topic) WHERE source = 'inference'
DO UPDATE SET content = excluded.content, expires_at = greatest(m.expires_at, excluded.expires_at)
