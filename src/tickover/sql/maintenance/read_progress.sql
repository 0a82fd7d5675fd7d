-- How far a walk had come.
SELECT position FROM tickover.progress WHERE name = %(name)s
