-- Notices by their numbers, the oldest first.
SELECT * FROM tickover.notice WHERE id = ANY (%(ids)s::bigint[]) ORDER BY id
