-- Notices that ended long ago, a bounded number, with their deliveries; those of which something is still to be told stay.
DELETE FROM tickover.notice WHERE id IN (
  SELECT n.id FROM tickover.notice n
  WHERE n.closed_at < %(now)s - %(keep)s::interval
    AND NOT EXISTS (SELECT FROM tickover.notice_delivery d WHERE d.notice_id = n.id AND d.state = 'due')
  ORDER BY n.closed_at LIMIT %(most)s
  FOR UPDATE OF n SKIP LOCKED)
