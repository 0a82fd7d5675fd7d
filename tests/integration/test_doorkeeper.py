"""Refused requests are counted in the ledger's database, by cause, said once, and forgotten when one is let in."""

import pytest
from structlog.testing import capture_logs

from tests.gates import OpenGate
from tests.integration.conftest import SECRET, Rows, Serve
from tickover.database import Database
from tickover.ledger.refusals import Refusals
from tickover.web.doorkeeper import Doorkeeper

COUNTED = (
    "SELECT endpoint, cause, count, mended_at IS NOT NULL AS mended FROM tickover.refusal ORDER BY endpoint, cause"
)


class Time:
    """A clock that stands until it is moved, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """What it says."""
        return self.now


@pytest.fixture
def time() -> Time:
    """The time of the test."""
    return Time()


@pytest.fixture
def keeper(database: Database, time: Time) -> Doorkeeper:
    """A process's doorkeeper."""
    return Doorkeeper(Refusals(database), OpenGate(), time)


async def test_a_thousand_refusals_are_two_statements_and_one_line(keeper: Doorkeeper, time: Time, rows: Rows) -> None:
    """The first is counted at once, the others together a second later, so that nobody can make the database work."""
    with capture_logs() as logs:
        for _ in range(999):
            await keeper.refused("engine", "signature", "calls are answered 401")
        assert rows(COUNTED) == [{"endpoint": "engine", "cause": "signature", "count": 1, "mended": False}]
        time.now += 1.0
        await keeper.refused("engine", "signature", "calls are answered 401")
    assert rows(COUNTED) == [{"endpoint": "engine", "cause": "signature", "count": 1000, "mended": False}]
    assert [log["event"] for log in logs] == ["requests.refused"]


async def test_what_is_let_in_mends_what_was_refused(
    keeper: Doorkeeper, time: Time, rows: Rows, database: Database
) -> None:
    """At its own door only; the same cause again later counts and is said anew."""
    await keeper.refused("engine", "signature", "calls are answered 401")
    await keeper.refused("cron", "cron-secret", "wrong")
    await keeper.accepted("engine")
    assert [row["mended"] for row in rows(COUNTED)] == [False, True]
    assert [refusal.endpoint for refusal in await Refusals(database).going_on()] == ["cron"]
    time.now += 1.0
    with capture_logs() as logs:
        await keeper.refused("engine", "signature", "calls are answered 401")
    assert [log["event"] for log in logs] == ["requests.refused"]
    assert rows(COUNTED)[1] == {"endpoint": "engine", "cause": "signature", "count": 1, "mended": False}


async def test_what_another_process_refused_is_mended_within_a_minute(
    keeper: Doorkeeper, time: Time, rows: Rows, database: Database
) -> None:
    """An accepted request looks at most once a minute, unless this process has refused something since."""
    await keeper.accepted("engine")
    await Doorkeeper(Refusals(database), OpenGate()).refused("engine", "unsigned", "a stranger")
    await keeper.accepted("engine")
    assert [row["mended"] for row in rows(COUNTED)] == [False]
    time.now += 60.0
    await keeper.accepted("engine")
    assert [row["mended"] for row in rows(COUNTED)] == [True]


async def test_old_refusals_do_not_go_on(keeper: Doorkeeper, rows: Rows, database: Database) -> None:
    """After a quarter of an hour of quiet; and after an hour the same cause begins to count anew."""
    await keeper.refused("engine", "unsigned", "a stranger")
    rows("UPDATE tickover.refusal SET last_at = now() - interval '16 minutes', count = 7")
    assert await Refusals(database).going_on() == []
    assert not await Refusals(database).count("engine", "unsigned", "a stranger", 1)
    assert rows("SELECT count FROM tickover.refusal") == [{"count": 8}]
    rows("UPDATE tickover.refusal SET last_at = now() - interval '61 minutes'")
    assert await Refusals(database).count("engine", "unsigned", "a stranger", 1)
    assert rows("SELECT count, first_at > now() - interval '1 minute' AS anew FROM tickover.refusal") == [
        {"count": 1, "anew": True}
    ]


async def test_without_a_database_requests_are_answered_all_the_same(time: Time) -> None:
    """Nothing is raised, and what could not be counted is said."""
    away = Database("postgresql://127.0.0.1:9/none", wait=0.2)
    await away.open()
    try:
        with capture_logs() as logs:
            await Doorkeeper(Refusals(away), OpenGate(), time).refused("cron", "cron-secret", "wrong")
            await Doorkeeper(Refusals(away), OpenGate(), time).accepted("cron")
    finally:
        await away.close()
    assert [log["event"] for log in logs] == ["refusal.not_counted", "refusal.not_mended"]


async def test_refused_cron_calls_are_counted_and_mended_by_a_tick(serve: Serve, rows: Rows) -> None:
    """The issue of a secret that was changed on one side only."""
    site = await serve()
    wrong = await site.client.post("/api/cron/background-jobs", headers={"authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    assert rows(COUNTED) == [{"endpoint": "cron", "cause": "cron-secret", "count": 1, "mended": False}]
    assert SECRET not in str(rows("SELECT * FROM tickover.refusal"))
    assert (await site.tick()).status_code == 200
    assert rows(COUNTED) == [{"endpoint": "cron", "cause": "cron-secret", "count": 1, "mended": True}]


async def test_without_a_signing_key_calls_are_refused_and_counted(serve: Serve, rows: Rows) -> None:
    """503 to the engine, and a row; looking at the page with GET is not counted."""
    site = await serve(INNGEST_DEV="0")
    assert (await site.client.post("/api/inngest", json={})).status_code == 503
    assert (await site.client.get("/api/inngest")).status_code == 503
    assert rows(COUNTED) == [{"endpoint": "engine", "cause": "no-signing-key", "count": 1, "mended": False}]


async def test_a_function_that_is_not_served_is_named(serve: Serve, rows: Rows) -> None:
    """The engine knows an older deployment: 500 to it, and the function's id in the row."""
    site = await serve()
    event = {"name": "x", "data": {}, "id": "1", "ts": 1}
    call = {
        "ctx": {"attempt": 0, "disable_immediate_execution": False, "run_id": "r", "stack": {"stack": []}},
        "event": event, "events": [event], "steps": {}, "use_api": False,
    }  # fmt: skip
    answer = await site.client.post("/api/inngest?fnId=probe-old-function&stepId=step", json=call)
    assert answer.status_code == 500
    assert rows("SELECT cause, detail LIKE '%%probe-old-function%%' AS named FROM tickover.refusal") == [
        {"cause": "unknown-function", "named": True}
    ]
