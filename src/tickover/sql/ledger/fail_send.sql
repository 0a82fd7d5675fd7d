-- Why the tick's events could not be handed over, and what was done instead.
UPDATE tickover.tick SET mode = %(mode)s, reason = %(reason)s, error = %(error)s WHERE dispatch_key = %(dispatch_key)s
