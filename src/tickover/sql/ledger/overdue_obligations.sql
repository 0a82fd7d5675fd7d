-- The newest late obligation of each function and scope, and how many it stands for.
SELECT DISTINCT ON (o.function, o.client_id) o.function, o.client_id, t.dispatch_key, o.state, o.start_by, o.finish_by,
  count(*) OVER (PARTITION BY o.function, o.client_id) AS late
FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id
WHERE o.state = ANY (%(unended)s) AND o.function = ANY (%(functions)s) AND tickover.is_late(o)
ORDER BY o.function, o.client_id, o.id DESC
