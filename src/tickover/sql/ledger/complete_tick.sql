-- Everything a tick of cron's owed has ended well: said once, to one of however many ask. Asked after the commit that ended an
-- obligation, so that whoever ends last sees what all the others did; the row's lock lets one of them through.
UPDATE tickover.tick t SET completed_at = now()
WHERE t.dispatch_key = %(dispatch_key)s AND t.completed_at IS NULL AND t.identity_source <> 'continuation'
  AND NOT EXISTS (
    SELECT 1 FROM tickover.obligation o WHERE o.tick_id = t.id AND o.state <> ALL (%(done)s))
RETURNING t.dispatch_key
