SELECT id, dispatch_key, route, client_id, identity_source, mode, reason, correlation_id, event_ids, error, requested_at,
  completed_at, switched_off, idle
FROM tickover.tick WHERE dispatch_key = %(dispatch_key)s
