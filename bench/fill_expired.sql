-- Pipeline runs, as many as asked for, each with one artifact: half of them 31 to 60 days old, half up to 29 days.
CREATE SCHEMA bench;
CREATE TABLE bench.run (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id  text NOT NULL,
  visits     integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL
);
CREATE TABLE bench.artifact (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id  bigint NOT NULL REFERENCES bench.run ON DELETE CASCADE,
  stage   text NOT NULL,
  content jsonb NOT NULL
);
INSERT INTO bench.run (client_id, created_at)
SELECT 'client-' || n %% 100, now() - interval '29 days' * (2 * (1 - n::float8 / %(rows)s))
  - CASE WHEN n <= %(rows)s / 2 THEN interval '2 days' ELSE '0' END FROM generate_series(1, %(rows)s::bigint) AS n;
INSERT INTO bench.artifact (run_id, stage, content)
SELECT id, 'draft', jsonb_build_object('text', repeat('x', 40)) FROM bench.run;
CREATE INDEX ON bench.run (created_at, id);
CREATE INDEX ON bench.artifact (run_id)
