-- Whether nothing waits for a drain: no job that is due, none whose time has come, none that a dead process has left behind.
-- Each in the order of its index, so that none is looked for in the whole table, whatever the statistics say of a queue that
-- was full a moment ago.
SELECT NOT (
  CASE WHEN %(client_id)s::text IS NULL THEN
    (SELECT true FROM tickover.job j WHERE j.state = 'queued' ORDER BY j.lane, -j.priority, j.run_at, j.id LIMIT 1) IS NOT NULL
  ELSE EXISTS (
    SELECT FROM tickover.lane l CROSS JOIN LATERAL (
      SELECT FROM tickover.job j
      WHERE j.lane = l.lane AND j.state = 'queued' AND coalesce(j.client_id, '') = %(client_id)s::text
      ORDER BY j.priority DESC, j.run_at, j.id LIMIT 1) mine)
  END
  OR (
    SELECT true FROM tickover.job j
    WHERE j.state = 'scheduled' AND j.run_at <= now() AND (%(client_id)s::text IS NULL OR j.client_id = %(client_id)s::text)
    ORDER BY j.run_at, j.id LIMIT 1) IS NOT NULL
  OR (
    SELECT true FROM tickover.job j
    WHERE j.state = 'running' AND j.lease_expires_at < now() AND (%(client_id)s::text IS NULL OR j.client_id = %(client_id)s::text)
    ORDER BY j.lane LIMIT 1) IS NOT NULL
  ) AS is_idle
