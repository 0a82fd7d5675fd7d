-- The lanes of some kinds, with their limits.
SELECT lane, kind, max_running, rate, per_s FROM tickover.lane WHERE kind = ANY (%(kinds)s)
