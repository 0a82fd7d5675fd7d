-- How the queue stood since a time, in order.
SELECT at, due, oldest_age_s FROM tickover.queue_sample WHERE at > %(since)s ORDER BY at
