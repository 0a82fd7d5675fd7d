-- A guess replaces the former guess about its topic; what a person or the system wrote is another row.
INSERT INTO outreach.lead_memory_entry AS m (client_id, lead_id, source, topic, content, expires_at)
VALUES (%(client_id)s, %(lead_id)s, %(inference)s, %(topic)s, %(content)s, %(expires_at)s)
ON CONFLICT (lead_id, topic) WHERE source = 'inference'
DO UPDATE SET content = excluded.content, expires_at = greatest(m.expires_at, excluded.expires_at)
