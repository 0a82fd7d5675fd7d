"""The yardstick: a hand-written loop without a library. Claim 200 with SKIP LOCKED, call nothing, complete 200."""

import time
import uuid

import psycopg
from bench.peers.measure import Meter, Peer, Task, run

_BATCH = 200
_CHUNK = 1000
_SCHEMA = b"""
CREATE TABLE jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue text NOT NULL, client text NOT NULL, state text NOT NULL DEFAULT 'ready',
  priority smallint NOT NULL DEFAULT 0, run_at timestamptz NOT NULL DEFAULT now(),
  attempts smallint NOT NULL DEFAULT 0, payload jsonb NOT NULL,
  lease_token uuid, lease_until timestamptz, finished_at timestamptz);
CREATE INDEX jobs_ready ON jobs (queue, priority, run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'leased';
"""
_CLAIM = b"""
WITH c AS (
  SELECT id FROM jobs WHERE queue = 'q' AND state = 'ready' AND run_at <= now()
  ORDER BY priority, run_at, id LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE jobs j SET state = 'leased', lease_token = %s, lease_until = now() + interval '1 minute', attempts = attempts + 1
FROM c WHERE j.id = c.id RETURNING j.id, j.client, j.payload
"""
_COMPLETE = b"UPDATE jobs SET state = 'done', finished_at = now() WHERE id = ANY (%s) AND lease_token = %s"
_INSERT = (
    b"INSERT INTO jobs (queue, client, payload) SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[]) AS j(q, c, p)"
)
_FILL = b"""
INSERT INTO jobs (queue, client, state, run_at, payload, finished_at)
SELECT 'q', %(prefix)s || g %% %(clients)s, """


async def install(task: Task) -> None:
    """Make the table."""
    with psycopg.connect(task.dsn, autocommit=True) as connection:
        connection.execute(_SCHEMA)


async def enqueue(task: Task) -> None:
    """A thousand rows a statement."""
    with psycopg.connect(task.dsn, autocommit=True) as connection:
        for start in range(0, task.jobs, _CHUNK):
            count = min(_CHUNK, task.jobs - start)
            clients = [f"c{number % 100}" for number in range(count)]
            connection.execute(_INSERT, (["q"] * count, clients, ["{}"] * count))


async def work(task: Task, meter: Meter) -> None:
    """Until nothing is due, or the budget is used."""
    token = uuid.uuid4()
    with psycopg.connect(task.dsn, autocommit=True) as connection, meter.timed():
        until = meter.begun + task.budget if task.budget else float("inf")
        while time.perf_counter() < until:
            rows = connection.execute(_CLAIM, (_BATCH, token)).fetchall()
            if not rows:
                break
            for _, client, _ in rows:
                meter.hit(client)
            connection.execute(_COMPLETE, ([row[0] for row in rows], token))


if __name__ == "__main__":
    run(
        Peer(
            install,
            enqueue,
            work,
            due=b"SELECT count(*) FROM jobs WHERE state = 'leased' OR (state = 'ready' AND run_at <= now())",
            claimed=b"SELECT count(*) FROM jobs WHERE state = 'leased'",
            fill={
                "due": _FILL + b"'ready', now(), '{}', NULL FROM generate_series(1, %(rows)s) g",
                "future": _FILL
                + b"'ready', now() + interval '30 days' + g * interval '1 s', '{}', NULL "
                + b"FROM generate_series(1, %(rows)s) g",
                "finished": _FILL
                + b"'done', now() - interval '1 day', '{}', now() FROM generate_series(1, %(rows)s) g",
            },
        )
    )
