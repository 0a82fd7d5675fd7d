-- One at a time makes lanes, and claims.
SELECT FROM tickover.lane WHERE lane = 0 FOR UPDATE
