-- Pipeline runs of sixty days, as many as asked for, each with one artifact; half of them are older than thirty days.
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
SELECT 'client-' || n %% 100, now() - interval '60 days' * (1 - n::float8 / %(rows)s) FROM generate_series(1, %(rows)s::bigint) AS n;
INSERT INTO bench.artifact (run_id, stage, content)
SELECT id, 'draft', jsonb_build_object('text', repeat('x', 40)) FROM bench.run;
CREATE INDEX ON bench.run (created_at, id);
CREATE INDEX ON bench.artifact (run_id)
