-- The oldest due job, and how many are due, counted up to a bound. Due are those that wait, those whose time has come
-- meanwhile, and those whose lease has expired. The oldest is the oldest of each lane's priorities, of which there are few.
WITH RECURSIVE level(lane, priority) AS (
  SELECT l.lane, (
    SELECT j.priority FROM tickover.job j
    WHERE j.lane = l.lane AND j.state = %(queued)s
      AND (%(client_id)s::text IS NULL OR coalesce(j.client_id, '') = %(client_id)s)
    ORDER BY j.priority DESC LIMIT 1)
  FROM tickover.lane l
  UNION ALL
  SELECT l.lane, (
    SELECT j.priority FROM tickover.job j
    WHERE j.lane = l.lane AND j.state = %(queued)s AND j.priority < l.priority
      AND (%(client_id)s::text IS NULL OR coalesce(j.client_id, '') = %(client_id)s)
    ORDER BY j.priority DESC LIMIT 1)
  FROM level l WHERE l.priority IS NOT NULL
), waiting AS (
  SELECT oldest.* FROM level l CROSS JOIN LATERAL (
    SELECT j.id, j.kind, j.run_at FROM tickover.job j
    WHERE j.lane = l.lane AND j.priority = l.priority AND j.state = %(queued)s
      AND (%(client_id)s::text IS NULL OR coalesce(j.client_id, '') = %(client_id)s)
    ORDER BY j.run_at, j.id LIMIT 1) oldest
  WHERE l.priority IS NOT NULL
), come AS (
  SELECT j.id, j.kind, j.run_at FROM tickover.job j
  WHERE j.state = %(scheduled)s AND j.run_at <= %(now)s AND (%(client_id)s::text IS NULL OR j.client_id = %(client_id)s)
  ORDER BY j.run_at, j.id LIMIT %(bound)s
), lost AS (
  SELECT j.id, j.kind, j.run_at FROM tickover.job j
  WHERE j.state = %(running)s AND j.lease_expires_at < %(now)s
    AND (%(client_id)s::text IS NULL OR coalesce(j.client_id, '') = %(client_id)s)
  ORDER BY j.run_at, j.id LIMIT %(bound)s
), counted AS (
  SELECT (SELECT count(*) FROM come) + (SELECT count(*) FROM lost) + count(*) AS due FROM (
    SELECT FROM tickover.job j
    WHERE j.state = %(queued)s AND (%(client_id)s::text IS NULL OR coalesce(j.client_id, '') = %(client_id)s)
    ORDER BY j.lane, j.priority DESC, j.run_at, j.id LIMIT %(bound)s) queued
)
SELECT either.id, either.kind, either.run_at, counted.due
FROM (SELECT * FROM waiting UNION ALL SELECT * FROM come UNION ALL SELECT * FROM lost) either CROSS JOIN counted
ORDER BY either.run_at, either.id LIMIT 1
