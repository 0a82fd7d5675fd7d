-- What was really done, written in the transactions of the work itself.
CREATE SCHEMA drill;
CREATE TABLE drill.mark (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  obligation_id  bigint NOT NULL,
  fence          bigint NOT NULL,
  responsibility text NOT NULL,
  pid            integer NOT NULL,
  at             timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE drill.effect (
  job_id  bigint NOT NULL,
  attempt integer NOT NULL,
  pid     integer NOT NULL,
  at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
