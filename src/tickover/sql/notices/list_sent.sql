-- When each message of late was sent to a destination.
SELECT max(sent_at) AS at FROM tickover.notice_delivery
WHERE destination = %(destination)s AND state = 'sent' AND sent_at > %(since)s GROUP BY message
