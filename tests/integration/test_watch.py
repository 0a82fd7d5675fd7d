"""The watchdog between ticks, and what it finds."""

import asyncio
from datetime import timedelta

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tests.integration.conftest import SECRET, Probe, Rows, Serve, probe_contract
from tests.waiting import eventually
from tickover import Run, Summary, Tickover
from tickover.settings import Settings

LATE = """
  WITH t AS (
    INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, event_ids)
    SELECT 'late-' || n, 'background-jobs', 'execution-id', 'dispatch', '', 'c', '{e}' FROM generate_series(1, %s) n
    RETURNING id
  )
  INSERT INTO tickover.obligation (tick_id, function, state, start_by, accepted_at)
  SELECT id, 'process', 'accepted', now() - interval '1 s', now() FROM t
"""


async def test_what_is_late_is_settled_between_ticks(serve: Serve, probe: Probe, rows: Rows) -> None:
    """One recovery covers all of a function; the next look finds nothing."""
    site = await serve()
    rows(LATE, 3)
    first, second = await site.tickover.watch.once(), await site.tickover.watch.once()
    assert [(r.overdue.function, r.overdue.late) for r in first.recovered] == [("process", 3)]
    assert second.recovered == []
    assert probe.ran() == ["queue-drain"]
    assert rows("SELECT state, count(*) FROM tickover.obligation GROUP BY 1 ORDER BY 1") == [
        {"state": "covered", "count": 2},
        {"state": "succeeded", "count": 1},
    ]


async def test_two_that_watch_do_it_once(serve: Serve, probe: Probe, rows: Rows) -> None:
    """Single-flight across replicas: one carries it out, the other says that somebody is at it, or finds nothing."""
    one, other = await serve(), await serve()
    rows(LATE, 3)
    await asyncio.gather(one.tickover.watch.once(), other.tickover.watch.once())
    assert probe.ran() == ["queue-drain"]


async def test_the_web_process_watches_where_that_is_set(
    database_dsn: str, probe: Probe, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TICKOVER_WATCH: from its start to its end, without a tick."""
    for name, value in {
        "DATABASE_URL": database_dsn,
        "CRON_SECRET": SECRET,
        "INNGEST_DEV": "1",
        "TICKOVER_WATCH": "1",
    }.items():
        monkeypatch.setenv(name, value)
    app = FastAPI()
    tickover = Tickover(probe_contract(probe), app_id="probe", settings=Settings.read())
    tickover.mount(app)
    rows(LATE, 1)
    async with app.router.lifespan_context(app):

        async def settled() -> bool:
            return rows("SELECT state FROM tickover.obligation") == [{"state": "succeeded"}]

        await eventually(settled)


async def test_a_look_that_fails_is_not_the_last(serve: Serve, probe: Probe, rows: Rows) -> None:
    """A broken look is logged; the next one settles what is late."""
    site = await serve()
    rows(LATE, 1)
    looks: list[object] = []
    rows("ALTER TABLE tickover.circuit RENAME TO circuit_gone")

    async def seen(found: object) -> None:
        looks.append(found)

    watching = asyncio.create_task(site.tickover.watch.run(0.02, seen))
    try:
        with capture_logs() as logs:

            async def failed() -> bool:
                return any(log["event"] == "watch.failed" for log in logs)

            await eventually(failed)
        assert looks == []
        rows("ALTER TABLE tickover.circuit_gone RENAME TO circuit")

        async def settled() -> bool:
            return bool(looks) and probe.ran() == ["queue-drain"]

        await eventually(settled)
    finally:
        watching.cancel()


async def test_idle_runs_are_found_and_stand_in_the_ticks_answer(serve: Serve, probe: Probe) -> None:
    """Five drains that did nothing while work was due; the finding carries its figures."""
    site = await serve()

    async def idle(_: Run) -> Summary:
        return Summary(looked_at=0, changed=0, left=7)

    probe.bodies["queue-drain"] = idle
    for number in range(5):
        await site.tick(f"t{number}")
    again = await serve()  # another process looks at once
    (finding,) = (await again.tick("t5")).json()["findings"]
    assert (finding["code"], finding["subject"], finding["evidence"]["left"]) == ("did-nothing", "queue-drain", [7] * 5)


async def test_a_silence_is_found(serve: Serve, rows: Rows) -> None:
    """The tick that ends it says how long nothing came."""
    site = await serve()
    for number in range(7):
        await site.tick(f"t{number}")
    rows("UPDATE tickover.tick SET requested_at = requested_at - (8 - id) * interval '1 minute' - interval '1 hour'")
    again = await serve()
    (finding,) = (await again.tick("t8")).json()["findings"]
    assert finding["code"] == "ticks-missing"
    assert finding["evidence"]["silentS"] > timedelta(hours=1).total_seconds()


async def test_i3_two_executors_at_one_obligation_are_found(serve: Serve, probe: Probe, rows: Rows) -> None:
    """The one whose lease had expired is fenced off, records nothing, and the ledger keeps that it happened."""
    site = await serve()
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def hang(_: Run) -> Summary:
        entered.set()
        await go_on.wait()
        return Summary(looked_at=1)

    probe.bodies["queue-drain"] = hang
    first = asyncio.create_task(site.tick("t1"))
    await entered.wait()
    del probe.bodies["queue-drain"]
    rows("UPDATE tickover.obligation SET lease_expires_at = now() - interval '1 s' WHERE state = 'running'")
    other = await serve()
    recovered = (await other.tick("t2")).json()
    assert {function["state"] for function in recovered["functions"]} == {"succeeded"}
    go_on.set()
    await first
    assert rows("SELECT sum(fenced_off) AS n FROM tickover.obligation") == [{"n": 1}]
    third = await serve()
    codes = [(finding["code"], finding["subject"]) for finding in (await third.tick("t3")).json()["findings"]]
    assert codes == [("ran-twice", "process")]
