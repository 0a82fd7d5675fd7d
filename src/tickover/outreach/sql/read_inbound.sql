-- An inbound message with its lead.
SELECT m.id, m.lead_id, m.raw, m.body, m.processed_at IS NOT NULL AS processed, m.occurred_at, l.name AS lead_name
FROM outreach.message m JOIN outreach.lead l ON l.id = m.lead_id
WHERE m.id = %(id)s AND m.client_id = %(client_id)s AND m.direction = %(inbound)s AND m.channel = %(channel)s
