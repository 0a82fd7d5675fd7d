-- The oldest due job, and how many are due, counted up to a bound.
SELECT id, kind, run_at, due FROM tickover.look_at_queue(%(now)s, %(bound)s)
