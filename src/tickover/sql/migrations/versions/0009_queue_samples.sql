-- How the queue stood, minute by minute: written by whoever comes first in a minute.
CREATE TABLE tickover.queue_sample (
  at           timestamptz PRIMARY KEY,
  due          bigint NOT NULL,
  oldest_age_s double precision NOT NULL
);
