"""Who waits how long, client by client."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tickover.database import Database
from tickover.errors import CursorError
from tickover.jobs.clients import ClientQueues
from tickover.jobs.looking import Count

Rows = Callable[..., list[dict[str, Any]]]

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PUT = """
  INSERT INTO tickover.job (kind, client_id, payload, state, priority, lane, run_at, lease_expires_at)
  SELECT 'a', %(client)s, '{}', %(state)s, %(priority)s, %(lane)s, %(now)s - interval '1 minute' * %(minutes)s,
    %(now)s + interval '1 minute' * %(lease)s
  FROM generate_series(1, %(count)s)
"""
Put = Callable[..., None]


@pytest.fixture
def clients(database: Database) -> ClientQueues:
    """The clients of this test."""
    return ClientQueues(database)


@pytest.fixture
def put(database_dsn: str) -> Put:
    """Store jobs of a client that came to be due so many minutes ago."""

    def store(client: str | None, minutes: int, state: str = "queued", **other: Any) -> None:
        values = {
            "client": client,
            "minutes": minutes,
            "state": state,
            "priority": 0,
            "lane": 0,
            "count": 1,
            "now": NOW,
        }
        with psycopg.connect(database_dsn, autocommit=True) as connection:
            connection.execute(PUT.encode(), {**values, "priority": 0, "lane": 0, "count": 1, "lease": None, **other})

    return store


async def test_the_client_that_waits_longest_comes_first(clients: ClientQueues, put: Put) -> None:
    """By its oldest due job, whatever its priority and its lane; jobs without a client count as one."""
    put("acme", 1, priority=100, count=3)
    put("acme", 50, priority=-100)
    put("beta", 40)
    put(None, 45, lane=0)
    put("zeta", 60, "succeeded")
    page = await clients.page(now=NOW)
    assert [(row.client_id, row.waits(NOW) / 60, str(row.due)) for row in page.rows] == [
        ("acme", 50, "4"),
        (None, 45, "1"),
        ("beta", 40, "1"),
    ]
    assert (page.next, page.is_cut) == (None, False)


async def test_what_a_drain_has_not_met_is_due_all_the_same(clients: ClientQueues, put: Put, rows: Rows) -> None:
    """Jobs whose time has come, and those whose lease has expired; not those that run, nor those of the future."""
    put("come", 30, "scheduled")
    put("future", -30, "scheduled")
    put("lost", 20, "running", lease=-1)
    put("busy", 25, "running", lease=1, count=2)
    put("busy", 10)
    rows("INSERT INTO tickover.lane (lane, kind, max_running) VALUES (1, 'limited', 3)")
    put("come", 5, lane=1)
    page = await clients.page(now=NOW)
    assert [(row.client_id, row.due.n, row.running) for row in page.rows] == [
        ("come", 2, 0),
        ("lost", 1, 0),
        ("busy", 1, 2),
    ]


async def test_who_has_as_many_running_as_it_may_is_throttled(
    clients: ClientQueues, database: Database, put: Put, rows: Rows
) -> None:
    """By its own limit, or by the drain's where it has none."""
    put("acme", 3)
    put("acme", 3, "running", lease=1, count=2)
    put("beta", 2)
    put("beta", 2, "running", lease=1, count=2)
    rows("INSERT INTO tickover.client_quota (client_id, quota, max_running) VALUES ('acme', 5, 2)")
    acme, beta = (await clients.page(now=NOW)).rows
    assert (acme.quota, acme.max_running, acme.is_throttled) == (5, 2, True)
    assert (beta.quota, beta.max_running, beta.is_throttled) == (None, None, False)
    acme, beta = (await ClientQueues(database, max_running=3).page(now=NOW)).rows
    assert (acme.max_running, beta.max_running, beta.is_throttled) == (2, 3, False)


@pytest.mark.parametrize("limit", [1, 7, 20])
async def test_pages_show_every_client_once(clients: ClientQueues, put: Put, limit: int) -> None:
    """Also those that have waited equally long, and though others arrive meanwhile."""
    for number in range(20):
        put(f"c{number:02}", number // 5)
    seen, cursor, looked = list[str | None](), None, 0
    while looked == 0 or cursor is not None:
        page = await clients.page(cursor, limit, NOW)
        seen, cursor, looked = seen + [row.client_id for row in page.rows], page.next, looked + 1
        put(f"early-{looked}", 1000)
    assert seen == [f"c{number:02}" for number in sorted(range(20), key=lambda n: (-(n // 5), n))]


async def test_a_clients_due_jobs_are_counted_to_a_bound(clients: ClientQueues, put: Put) -> None:
    """A thousand, and more."""
    put("acme", 1, count=1001)
    put("beta", 1, count=1000)
    assert [row.due for row in (await clients.page(now=NOW)).rows] == [
        Count(1000, is_exact=False),
        Count(1000, is_exact=True),
    ]


def _forged(place: Any) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "ünde", "[" * 9000, _forged([]), _forged(["2026-11-27", "a"]), _forged(["2026-11-27T00:00Z", 7]),
     _forged(["2026-11-27T00:00Z", "a'; --"]), _forged(["2026-11-27T00:00Z", "\ud800"]),
     _forged({"a": 1}), _forged([[[]]])],
)  # fmt: skip
async def test_a_forged_cursor_gets_a_clear_error(clients: ClientQueues, cursor: str) -> None:
    """No JSON, other JSON, a time without a zone, names that no client has."""
    with pytest.raises(CursorError, match="begin again"):
        await clients.page(cursor)


@pytest.mark.parametrize("limit", [0, 201])
async def test_a_page_is_bounded(clients: ClientQueues, limit: int) -> None:
    """A limit that is none is refused."""
    with pytest.raises(ValueError, match="limit"):
        await clients.page(None, limit)


async def test_an_empty_queue_has_no_clients(clients: ClientQueues) -> None:
    """And no next page."""
    page = await clients.page(now=NOW - timedelta(days=1))
    assert (list(page.rows), page.next, page.is_cut) == ([], None, False)
