"""Ticks as the real handler leaves them, and what is read of them."""

from collections.abc import Callable

import pytest

from tests.integration.conftest import Probe, Rows, Site
from tests.integration.test_durable import call
from tickover import Run, Summary

DEAD_ENGINE = {
    "BACKGROUND_JOBS_USE_INNGEST": "true",
    "INNGEST_BASE_URL": "http://127.0.0.1:9",
    "TICKOVER_SEND_TIMEOUT": "0.3",
}
ACCEPTED = """
  UPDATE tickover.obligation o SET state = 'accepted', attempt = 0, path = NULL, started_at = NULL, finished_at = NULL,
    accepted_at = created_at, start_by = now() + interval '3 minutes'
  FROM tickover.tick t WHERE t.id = o.tick_id AND t.dispatch_key = %s
"""
MOVED = """
  WITH moved AS (
    UPDATE tickover.tick SET requested_at = requested_at - %s::interval WHERE dispatch_key LIKE '%%:id:' || %s
    RETURNING id)
  UPDATE tickover.obligation o SET created_at = created_at - %s::interval, accepted_at = accepted_at - %s::interval,
    started_at = started_at - %s::interval, finished_at = finished_at - %s::interval
  FROM moved WHERE o.tick_id = moved.id
"""
Move = Callable[[str, str], None]


def key_of(name: str) -> str:
    """The dispatch key of a tick that was fired under this name."""
    return f"background-jobs:v1:id:{name}"


async def accepted(site: Site, rows: Rows, name: str) -> str:
    """A tick as an engine leaves it that has taken its events and has begun nothing; its dispatch key."""
    key = str((await site.tick(name)).json()["dispatchKey"])
    rows("DELETE FROM tickover.responsibility_run r USING tickover.obligation o, tickover.tick t "
         "WHERE r.obligation_id = o.id AND o.tick_id = t.id AND t.dispatch_key = %s", key)  # fmt: skip
    rows(ACCEPTED, key)
    return key


async def carried_out(site: Site, rows: Rows, name: str) -> str:
    """A tick that the engine carried out; its dispatch key."""
    key = await accepted(site, rows, name)
    for function in ("process", "maintain"):
        await call(site, function, key)
    return key


def break_down(probe: Probe, responsibility: str, error: str = "no disk") -> None:
    """Let a responsibility fail from now on."""

    async def fail(_: Run) -> Summary:
        raise RuntimeError(error)

    probe.bodies[responsibility] = fail


@pytest.fixture
def move(rows: Rows) -> Move:
    """Let a tick of this name have come so much earlier."""

    def earlier(name: str, by: str) -> None:
        rows(MOVED, by, name, by, by, by, by)

    return earlier
