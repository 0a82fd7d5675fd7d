-- The circuit has the last word on a tick that was recorded for dispatch.
UPDATE tickover.tick SET mode = %(mode)s, reason = %(reason)s WHERE dispatch_key = %(dispatch_key)s
