-- How many jobs are in a state, of one client where that is asked for and can be told, counted up to a bound.
SELECT count(*) FROM tickover.jobs_in(%(state)s, %(client_id)s, %(bound)s, false)
