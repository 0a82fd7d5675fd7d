-- The live notices, and those that ended since a moment; how many deliveries to these destinations are due stands beside
-- each, and in a row without a notice where there is none. Always at least one row.
SELECT (SELECT count(*) FROM (
    SELECT FROM tickover.notice_delivery d
    WHERE d.state = 'due' AND d.destination = ANY (%(destinations)s::text[]) AND d.due_at <= %(now)s LIMIT 1) AS one
  ) > 0 AS is_due, n.*
FROM (SELECT 1) AS always
LEFT JOIN LATERAL (
  (SELECT * FROM tickover.notice WHERE state IN ('suspected', 'open', 'fading'))
  UNION ALL
  (SELECT * FROM tickover.notice WHERE closed_at > %(ended_since)s AND state = 'closed' ORDER BY closed_at DESC LIMIT 200)
) AS n ON true
