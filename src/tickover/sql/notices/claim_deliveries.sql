-- What is due to a destination is claimed under a lease; nothing while another replica delivers there. Who claimed and was
-- killed loses the lease with time, and the deliveries are claimed again.
WITH due AS MATERIALIZED (
  SELECT d.id FROM tickover.notice_delivery d
  WHERE d.destination = %(destination)s AND d.state = 'due' AND d.due_at <= %(now)s
    AND (d.lease_expires_at IS NULL OR d.lease_expires_at < %(now)s)
    AND NOT EXISTS (
      SELECT FROM tickover.notice_delivery held
      WHERE held.destination = %(destination)s AND held.state = 'due' AND held.lease_expires_at >= %(now)s)
  ORDER BY d.due_at, d.id LIMIT %(most)s
  FOR UPDATE OF d SKIP LOCKED
)
UPDATE tickover.notice_delivery d SET lease_expires_at = %(now)s + %(lease)s::interval
FROM due, tickover.notice n WHERE d.id = due.id AND n.id = d.notice_id
RETURNING d.id, d.notice_id, d.kind, d.destination, d.breaks, d.state, d.attempts, d.created_at, n.code, n.severity
