-- Its function is busy with another tick: what is owed is late at once, so whoever ends next takes it up.
UPDATE tickover.obligation o SET start_by = now()
FROM tickover.tick t
WHERE t.dispatch_key = %(dispatch_key)s AND o.tick_id = t.id AND o.function = %(function)s AND o.state = %(owed)s
