"""Pings over real HTTP to a server of the test's own, and a tick's completion in a real PostgreSQL."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.clocks import SetClock
from tests.integration.conftest import Probe, Rows, Serve
from tests.ports import free_port
from tests.waiting import eventually
from tickover import Run, Summary, clock
from tickover.database import Database
from tickover.heartbeats.formats import parse_heartbeat, run_id
from tickover.heartbeats.pinger import Heartbeats
from tickover.ledger.states import Path, State
from tickover.ledger.store import Claim, Ledger, NewTick

ROUTE = "background-jobs"
MINUTE = timedelta(minutes=1)
FOREVER = 3600.0


@dataclass
class Watcher:
    """A service that keeps what it was asked for, and answers as it is told to."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hanging: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    async def answer(self, request: web.Request) -> web.Response:
        """Any request."""
        self.asked.append(f"{request.method} {request.raw_path}")
        if self.hanging:
            await asyncio.sleep(FOREVER)
        return web.Response(status=self.status, headers=self.headers)

    async def was_asked(self) -> bool:
        """Whether any request has come."""
        return bool(self.asked)


@dataclass
class Answers:
    """A ledger that says of every tick what it is told to."""

    done: bool = True
    failure: Exception | None = None
    hanging: bool = False
    asked: list[str] = field(default_factory=list)

    async def complete(self, dispatch_key: str) -> bool:
        """Whether everything the tick owed is done."""
        self.asked.append(dispatch_key)
        if self.hanging:
            await asyncio.sleep(FOREVER)
        if self.failure is not None:
            raise self.failure
        return self.done


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    """A service on the loopback interface."""
    watcher = Watcher()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", watcher.answer)
    runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", watcher.port).start()
    yield watcher
    await runner.cleanup()


Make = Callable[..., Heartbeats]


@pytest.fixture
async def make(watcher: Watcher) -> AsyncIterator[Make]:
    """Heartbeats of one route, reported to the service in Cronitor's format unless said otherwise."""
    made: list[Heartbeats] = []

    def heartbeats(
        ledger: Answers | Ledger, *, form: str = "cronitor+http://{}/p/s3cret/job", port: int = 0, timeout: float = 5.0
    ) -> Heartbeats:
        url = form.format(f"127.0.0.1:{port or watcher.port}")
        made.append(Heartbeats({ROUTE: parse_heartbeat("X_HEARTBEAT_URL", url)}, ledger, timeout))
        return made[-1]

    yield heartbeats
    for each in made:
        await each.close()


@pytest.mark.parametrize(
    ("form", "start", "end"),
    [
        ("cronitor+http://{}/p/k3y/job", "/p/k3y/job?series={}&state=run", "/p/k3y/job?series={}&state=complete"),
        (
            "healthchecks+http://{}/ping/k3y/job?create=1",
            "/ping/k3y/job/start?create=1&rid={}",
            "/ping/k3y/job?create=1&rid={}",
        ),
        (
            "sentry+http://{}/api/7/cron/job/k3y/?environment=a%20b",
            "/api/7/cron/job/k3y/?environment=a%20b&check_in_id={}&status=in_progress",
            "/api/7/cron/job/k3y/?environment=a%20b&check_in_id={}&status=ok",
        ),
    ],
)
async def test_a_run_is_a_start_and_an_end_with_one_id(
    make: Make, watcher: Watcher, form: str, start: str, end: str
) -> None:
    """Each service gets its own pair by GET, to the letter; nothing is logged."""
    with capture_logs() as lines:
        heartbeats = make(Answers(), form=form)
        await heartbeats.started(ROUTE, "k")
        await heartbeats.succeeded(ROUTE, "k")
    assert watcher.asked == [f"GET {target.format(run_id('k'))}" for target in (start, end)]
    assert lines == []


async def test_start_and_end_pair_up_when_two_processes_send_them(make: Make, watcher: Watcher) -> None:
    """The run's id comes from the tick, not from who began it."""
    await make(Answers()).started(ROUTE, "k")
    await make(Answers()).succeeded(ROUTE, "k")
    assert [str(run_id("k")) in target for target in watcher.asked] == [True, True]


async def test_an_end_is_not_sent_while_the_tick_owes_something(make: Make, watcher: Watcher) -> None:
    """The ledger says that it is not done, or that somebody else has said so."""
    await make(Answers(done=False)).succeeded(ROUTE, "k")
    assert watcher.asked == []


async def test_a_route_without_a_url_asks_nobody(make: Make, watcher: Watcher) -> None:
    """Neither the service nor the ledger; and no client is made."""
    ledger = Answers()
    heartbeats = make(ledger)
    await heartbeats.started("other", "k")
    await heartbeats.succeeded("other", "k")
    assert (watcher.asked, ledger.asked, heartbeats._client) == ([], [], None)


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        ("refused", 0),
        ("hanging", 6),
        ("500", 6),
        ("404", 6),
        ("redirect", 6),
        ("ledger-fails", 3),
        ("ledger-hangs", 3),
    ],
)
async def test_a_failing_ping_is_one_line_without_its_url_and_nothing_else(
    make: Make, watcher: Watcher, caplog: pytest.LogCaptureFixture, fault: str, asked: int
) -> None:
    """Three ticks in a row: nothing is raised, no redirect followed, and there's one line; the URL is in no log."""
    caplog.set_level(logging.DEBUG)
    ledger, port, timeout = Answers(), 0, 5.0
    if fault == "refused":
        port = free_port()
    elif fault == "hanging":
        watcher.hanging, timeout = True, 0.2
    elif fault == "redirect":
        watcher.status, watcher.headers = 302, {"location": f"http://127.0.0.1:{watcher.port}/elsewhere"}
    elif fault == "ledger-fails":
        ledger.failure = OSError("http://h/p/s3cret")
    elif fault == "ledger-hangs":
        ledger.hanging, timeout = True, 0.2
    else:
        watcher.status = int(fault)
    heartbeats = make(ledger, port=port, timeout=timeout)
    with capture_logs() as lines:
        for key in ("k1", "k2", "k3"):
            await heartbeats.started(ROUTE, key)
            await heartbeats.succeeded(ROUTE, key)
    assert [(line["event"], line["route"], line["service"]) for line in lines] == [
        ("heartbeat.failed", ROUTE, "cronitor")
    ]
    assert "s3cret" not in f"{lines} {caplog.text}"
    assert len(watcher.asked) == asked


async def test_a_cause_that_stays_is_told_again_after_an_hour(
    make: Make, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another cause is told at once; the same one rests for an hour."""
    time = SetClock()
    monkeypatch.setattr(clock, "monotonic", time)
    heartbeats = make(Answers())
    with capture_logs() as lines:
        for watcher.status, seconds in ((500, 0), (500, 3599), (404, 0), (500, 1)):
            time.seconds += seconds
            await heartbeats.started(ROUTE, "k")
    assert [line["cause"] for line in lines] == [f"ping: the service answers {status}" for status in (500, 404, 500)]


async def test_being_cancelled_is_no_failure_of_a_ping(make: Make, watcher: Watcher) -> None:
    """Whoever is told to stop stops, and logs nothing of the service."""
    watcher.hanging = True
    with capture_logs() as lines:
        pinging = asyncio.create_task(make(Answers()).started(ROUTE, "k"))
        await eventually(watcher.was_asked)
        pinging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pinging
    assert lines == []


@dataclass
class Tick:
    """A tick that owes two functions."""

    ledger: Ledger
    key: str = "k"

    async def claim(self, function: str) -> Claim:
        """Win one of its obligations."""
        claim = await self.ledger.claim(self.key, function, Path.DURABLE, MINUTE)
        assert claim is not None
        return claim

    async def end(self, function: str, state: State = State.SUCCEEDED) -> None:
        """Carry one of its obligations out, to this end."""
        claim = await self.claim(function)
        assert await self.ledger.finish(claim.id, claim.fence, state, None)


@pytest.fixture
async def tick(database: Database) -> Tick:
    """A tick that was just recorded."""
    ledger = Ledger(database, lease_s=30)
    new = NewTick("k", ROUTE, None, "clock", "dispatch", "a test", "c-1", {"process": MINUTE, "maintain": MINUTE})
    assert await ledger.record(new)
    return Tick(ledger)


async def test_the_end_is_sent_when_the_last_function_has_ended(tick: Tick, make: Make, watcher: Watcher) -> None:
    """One of two has ended: no ping. Both have: one ping, however often it is asked for again."""
    heartbeats = make(tick.ledger)
    await tick.end("process")
    await heartbeats.succeeded(ROUTE, tick.key)
    assert watcher.asked == []
    await tick.end("maintain")
    await heartbeats.succeeded(ROUTE, tick.key)
    await heartbeats.succeeded(ROUTE, tick.key)
    assert watcher.asked == [f"GET /p/s3cret/job?series={run_id(tick.key)}&state=complete"]


async def test_two_functions_that_end_at_once_send_one_end(
    tick: Tick, make: Make, watcher: Watcher, database_dsn: str
) -> None:
    """Each ends in a process of its own, at the same moment: exactly one end is sent."""
    other = Database(database_dsn)
    await other.open()
    try:
        sides = [(tick, "process"), (Tick(Ledger(other, lease_s=30)), "maintain")]
        pingers = [make(side.ledger) for side, _ in sides]
        keys = [f"k{n}" for n in range(20)]
        for key in keys:
            new = NewTick(key, ROUTE, None, "clock", "dispatch", "", "c", {"process": MINUTE, "maintain": MINUTE})
            assert await tick.ledger.record(new)

        async def end(index: int, key: str) -> None:
            side, function = sides[index]
            await Tick(side.ledger, key).end(function)
            await pingers[index].succeeded(ROUTE, key)

        for key in keys:
            await asyncio.gather(end(0, key), end(1, key))
    finally:
        await other.close()
    assert watcher.asked == [f"GET /p/s3cret/job?series={run_id(key)}&state=complete" for key in keys]


@pytest.mark.parametrize("state", [State.FAILED, State.RETRYING, State.INTERRUPTED])
async def test_a_tick_that_has_not_ended_well_sends_no_end_until_it_does(
    tick: Tick, make: Make, watcher: Watcher, state: State
) -> None:
    """Failed, to be called again, or interrupted: no ping; taken up again and done: one."""
    heartbeats = make(tick.ledger)
    await tick.end("process")
    await tick.end("maintain", state)
    await heartbeats.succeeded(ROUTE, tick.key)
    assert watcher.asked == []
    await tick.end("maintain")
    await heartbeats.succeeded(ROUTE, tick.key)
    assert len(watcher.asked) == 1


async def test_what_a_later_run_covered_counts_as_done(tick: Tick, make: Make, watcher: Watcher) -> None:
    """A tick whose one function was covered has ended well when its other one has."""
    assert await tick.ledger.record(
        NewTick("later", ROUTE, None, "clock", "dispatch", "a test", "c-2", {"maintain": MINUTE})
    )
    await Tick(tick.ledger, "later").end("maintain")
    heartbeats = make(tick.ledger)
    await tick.end("process")
    await heartbeats.succeeded(ROUTE, tick.key)
    assert len(watcher.asked) == 1


async def test_a_tick_nobody_recorded_is_not_done(tick: Tick) -> None:
    """An unknown key is no completion."""
    assert not await tick.ledger.complete("unknown")


async def test_a_tick_is_reported_once_begun_and_once_done(
    serve: Serve, probe: Probe, watcher: Watcher, rows: Rows
) -> None:
    """Two functions, one start and one end under one run id; the same tick again is not reported again."""
    site = await serve(BACKGROUND_JOBS_HEARTBEAT_URL=f"cronitor+http://127.0.0.1:{watcher.port}/p/key/monitor")
    assert (await site.tick("t1")).status_code == 200
    await site.tick("t1")
    run = run_id("background-jobs:v1:id:t1")
    said = [f"GET /p/key/monitor?series={run}&state={state}" for state in ("run", "complete")]
    assert watcher.asked == said
    assert rows("SELECT completed_at IS NOT NULL AS done FROM tickover.tick") == [{"done": True}]
    assert len(probe.ran()) == 3


async def test_a_tick_that_fails_is_begun_and_not_done_until_it_is(
    serve: Serve, probe: Probe, watcher: Watcher
) -> None:
    """No end, and no ping for failures; delivered again and done, it sends its end after all."""

    async def fail(_: Run) -> Summary:
        raise OSError("no disk")

    probe.bodies["prune"] = fail
    site = await serve(BACKGROUND_JOBS_HEARTBEAT_URL=f"cronitor+http://127.0.0.1:{watcher.port}/p/key/monitor")
    assert (await site.tick("t1")).status_code == 500
    assert [asked.rpartition("=")[2] for asked in watcher.asked] == ["run"]
    del probe.bodies["prune"]
    assert (await site.tick("t1")).status_code == 200
    assert [asked.rpartition("=")[2] for asked in watcher.asked] == ["run", "complete"]


async def test_a_service_that_fails_changes_nothing_else(serve: Serve, probe: Probe, watcher: Watcher) -> None:
    """The tick is answered as ever, and a line says which route and service."""
    watcher.status = 500
    site = await serve(BACKGROUND_JOBS_HEARTBEAT_URL=f"healthchecks+http://127.0.0.1:{watcher.port}/ping/key/slug")
    with capture_logs() as logs:
        assert (await site.tick("t1")).status_code == 200
    assert len(probe.ran()) == 3
    (said,) = [log for log in logs if log["event"] == "heartbeat.failed"]
    assert (said["route"], said["service"]) == (ROUTE, "healthchecks")


async def test_continuations_are_not_reported(database: Database, rows: Rows) -> None:
    """They are the rest of a tick that was reported."""
    ledger = Ledger(database, lease_s=30)
    tick = NewTick("t1+1", ROUTE, None, "continuation", "dispatch", "", "c", {"process": MINUTE})
    assert await ledger.record(tick)
    claim = await ledger.claim("t1+1", "process", Path.DURABLE, MINUTE)
    assert claim is not None
    assert not claim.is_first
    rows("UPDATE tickover.obligation SET state = 'succeeded'")
    assert not await ledger.complete("t1+1")
