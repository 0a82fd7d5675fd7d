-- The oldest replayed leads beyond those that are kept, with all that hangs on them, once their messages are processed.
DELETE FROM outreach.lead
WHERE id IN (SELECT id FROM outreach.lead WHERE replayed ORDER BY id DESC OFFSET %(keep)s LIMIT %(limit)s)
  AND NOT EXISTS (SELECT FROM outreach.message m WHERE m.lead_id = lead.id AND m.processed_at IS NULL)
