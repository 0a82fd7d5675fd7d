-- A walk is at its end, and begins anew.
DELETE FROM tickover.progress WHERE name = %(name)s
