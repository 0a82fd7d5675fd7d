-- How far a walk over a table had come when its time was over: it goes on there at the next tick. A row stands here only as
-- long as a walk is not at its end; losing it costs time and nothing else.
CREATE TABLE tickover.progress (
  name     text PRIMARY KEY,
  position jsonb NOT NULL,
  at       timestamptz NOT NULL DEFAULT now()
);
