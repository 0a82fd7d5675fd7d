-- The last job that a look for the newest has come to: no row where it has come to the end.
SELECT id FROM tickover.job
WHERE id < %(before)s AND (%(only)s::text IS NULL OR state = %(only)s)
ORDER BY id DESC OFFSET %(window)s - 1 LIMIT 1
