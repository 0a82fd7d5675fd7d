-- The oldest jobs of the sample clients that succeeded before a time.
DELETE FROM tickover.job
WHERE id IN (
  SELECT id FROM tickover.job
  WHERE state = %(succeeded)s AND finished_at < %(before)s AND client_id = ANY (%(client_id)s)
  ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
