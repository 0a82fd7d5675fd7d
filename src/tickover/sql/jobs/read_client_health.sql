-- The oldest due job of a client, and how many of its jobs are due, counted up to a bound.
SELECT id, kind, run_at, due FROM tickover.look_at_client(%(now)s, %(client_id)s, %(bound)s)
