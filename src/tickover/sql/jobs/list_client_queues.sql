-- The clients that have due jobs, the one that has waited for the longest time first, with what each may have.
SELECT c.client, c.oldest, c.due, c.running, c.looked_at, q.quota, q.max_running
FROM tickover.clients_in_line(
  %(now)s, %(after_time)s::timestamptz, %(after_client)s::text, %(limit)s, %(bound)s, %(most)s) c
LEFT JOIN tickover.client_quota q ON q.client_id = c.client
ORDER BY c.oldest, c.client
