-- What a lead's score is made of.
SELECT l.opted_out_at IS NOT NULL AS opted_out,
       count(m.id) AS inbound,
       count(m.id) FILTER (WHERE m.interest = %(interested)s) AS interested,
       count(m.id) FILTER (WHERE m.interest = %(declined)s) AS declined,
       max(m.occurred_at) AS last_inbound_at
FROM outreach.lead l
LEFT JOIN outreach.message m ON m.lead_id = l.id AND m.direction = %(inbound)s
WHERE l.id = %(lead_id)s AND l.client_id = %(client_id)s
GROUP BY l.id
