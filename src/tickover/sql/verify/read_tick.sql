SELECT dispatch_key, route, client_id, identity_source, mode, reason, event_ids, error, requested_at
FROM tickover.tick WHERE dispatch_key = %(dispatch_key)s
