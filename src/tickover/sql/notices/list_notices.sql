-- Notices, the newest first, with how many deliveries of each are still to be sent, and how one of them failed last.
SELECT n.*, (SELECT count(*) FROM tickover.notice_delivery d WHERE d.notice_id = n.id AND d.state = 'due') AS due,
  (SELECT d.last_error FROM tickover.notice_delivery d
   WHERE d.notice_id = n.id AND d.last_error IS NOT NULL ORDER BY d.id DESC LIMIT 1) AS last_error
FROM tickover.notice n
WHERE n.state = ANY (%(states)s::text[])
ORDER BY n.id DESC LIMIT %(limit)s
