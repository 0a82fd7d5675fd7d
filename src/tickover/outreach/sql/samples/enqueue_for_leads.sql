SELECT tickover.enqueue(n.kind, jsonb_build_object('lead_id', l.id), client_id => l.client_id)
FROM outreach.lead l, unnest(%(kind)s::text[]) AS n(kind)
WHERE l.id = ANY (%(lead_id)s)
ORDER BY l.id
