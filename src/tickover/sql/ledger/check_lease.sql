-- One row while this fence still holds the obligation.
SELECT 1 FROM tickover.obligation WHERE id = %(id)s AND fence = %(fence)s AND state = %(running)s
