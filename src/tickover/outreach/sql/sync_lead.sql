-- A lead's counters, from its messages.
UPDATE outreach.lead l
SET inbound_count = seen.inbound, outbound_count = seen.outbound,
    last_inbound_at = seen.last_inbound, last_outbound_at = seen.last_outbound
FROM (
  SELECT count(*) FILTER (WHERE direction = %(inbound)s) AS inbound,
         count(*) FILTER (WHERE direction = %(outbound)s) AS outbound,
         max(occurred_at) FILTER (WHERE direction = %(inbound)s) AS last_inbound,
         max(occurred_at) FILTER (WHERE direction = %(outbound)s) AS last_outbound
  FROM outreach.message WHERE lead_id = %(lead_id)s
) seen
WHERE l.id = %(lead_id)s AND l.client_id = %(client_id)s
RETURNING l.id
