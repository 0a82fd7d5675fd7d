"""Notices, from what the ledger shows to a real HTTP receiver."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.clocks import StandingClock
from tests.integration.conftest import Probe, Rows, Serve, probe_contract
from tickover import clock
from tickover.database import Database
from tickover.errors import WrongEnvironmentError
from tickover.execution.budget import Budget
from tickover.isolation.guard import Gate
from tickover.isolation.redaction import secrets_in
from tickover.notices.courier import Courier
from tickover.notices.destinations import make_destinations
from tickover.notices.keeper import Keeper
from tickover.notices.states import NoticeState
from tickover.notices.store import NoticeStore
from tickover.notices.timing import Timing, parse_quiet_hours
from tickover.ticks.findings import Finding

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TIMING = Timing(confirm=MINUTE, away=10 * MINUTE, hourly=10)
TOKEN = "tok3n-of-the-receiver"


@dataclass
class Receiver:
    """A web hook: what it got, and what it answers."""

    port: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    go_on: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """As TICKOVER_NOTICES names it."""
        return f"json://user:{TOKEN}@127.0.0.1:{self.port}/in"

    def titles(self) -> list[str]:
        """Of the messages, in order."""
        return [message["title"] for message in self.got]


@contextmanager
def listening(receiver: Receiver) -> Iterator[Receiver]:
    """Let it listen, on the port that it had before where it had one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.go_on.wait(10)
            if receiver.status == 200:
                receiver.got.append(json.loads(body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not a line for each."""

    server = ThreadingHTTPServer(("127.0.0.1", receiver.port), Handler)
    receiver.port = server.server_address[1]
    receiver.go_on.set()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that is up."""
    with listening(Receiver()) as up:
        yield up


class OpenGate:
    """Lets everybody through."""

    async def require(self) -> Any:
        """Nobody is refused."""


class ClosedGate:
    """Lets nobody through."""

    async def require(self) -> Any:
        """Everybody is refused."""
        raise WrongEnvironmentError("preview", [])


@dataclass
class Replica:
    """One process that keeps notices of the probe's contract: nothing of it but the database outlives it."""

    database: Database
    url: str | None
    timing: Timing = TIMING
    gate: Gate = field(default_factory=OpenGate)

    def __post_init__(self) -> None:
        secrets = secrets_in({"TICKOVER_NOTICES": self.url or ""})
        self.store = NoticeStore(self.database)
        self.courier = Courier(self.store, make_destinations(self.url, secrets), self.timing, "probe, test", None)
        self.contract = probe_contract(Probe())
        self.secrets = secrets

    async def look(self, minute: float, *findings: Finding) -> None:
        """A process that was just started looks, so many minutes after noon."""
        with clock.taken_from(StandingClock(NOW + minute * MINUTE)):
            await self.keep(*findings)

    async def keep(self, *findings: Finding) -> None:
        """The same, now."""
        keeper = Keeper(
            self.gate, self.contract, self.store, self.courier, self.timing, timedelta(days=30), self.secrets
        )
        await keeper.keep(self.contract.routes[0], findings, Budget.of(30))


ROLLED_BACK = Finding("rolled-back", "process", "it was rolled back", "release it")
IDLE = Finding("did-nothing", "queue-drain", "it did nothing", "look")
DELIVERIES = "SELECT kind, destination, state, attempts FROM tickover.notice_delivery ORDER BY id"
FAILED = """
  WITH t AS (
    INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id)
    VALUES ('t-bad', 'background-jobs', 'execution-id', 'inline', '', 'c') RETURNING id
  )
  INSERT INTO tickover.obligation (tick_id, function, state, path, attempt, error, start_by, created_at, finished_at)
  SELECT id, 'process', 'failed', 'inline', 3, %s, now(), %s, %s FROM t
"""


async def test_a_notice_is_told_when_it_opens_and_when_it_closes(
    database: Database, receiver: Receiver, rows: Rows
) -> None:
    """Once each, whatever number of looks and processes; what is seen meanwhile is kept."""
    for minute in range(6):
        await Replica(database, receiver.url).look(minute, IDLE)
    for minute in range(6, 40):
        await Replica(database, receiver.url).look(minute)
    assert receiver.titles() == [
        "[probe, test] Warning: did-nothing of queue-drain",
        "[probe, test] Over: did-nothing of queue-drain",
    ]
    (notice,) = rows("SELECT state, seen_count, opened_at, closed_at FROM tickover.notice")
    assert (notice["state"], notice["seen_count"]) == ("closed", 6)
    assert (notice["opened_at"], notice["closed_at"]) == (NOW + MINUTE, NOW + 16 * MINUTE)


async def test_a_function_that_failed_after_its_last_attempt_pages(
    database: Database, receiver: Receiver, rows: Rows
) -> None:
    """By the ledger's rows alone, at the first look; its error goes out without the secrets of the process."""
    rows(FAILED, f"queue-drain: cannot reach https://x/{TOKEN}", NOW, NOW)
    await Replica(database, receiver.url).look(1)
    (message,) = receiver.got
    assert message["title"] == "[probe, test] PAGE: function-failed of process"
    assert "tried 3 times" in message["message"]
    assert "cannot reach" in message["message"]
    assert TOKEN not in message["message"]


async def test_two_replicas_at_once_tell_it_once(database: Database, receiver: Receiver, rows: Rows) -> None:
    """Ten processes look in the same moment."""
    replicas = [Replica(database, receiver.url) for _ in range(10)]
    with clock.taken_from(StandingClock(NOW)):
        await asyncio.gather(*(replica.keep(ROLLED_BACK) for replica in replicas))
    assert len(receiver.got) == 1
    assert rows("SELECT count(*) FROM tickover.notice") == [{"count": 1}]
    assert rows(DELIVERIES) == [{"kind": "opened", "destination": "json#1", "state": "sent", "attempts": 1}]


async def test_a_replica_killed_between_sending_and_recording_sends_again(
    database: Database, receiver: Receiver, rows: Rows
) -> None:
    """At least once: while its lease lasts nobody else sends; after that another one does, and then nobody."""
    killed = Replica(database, receiver.url)

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    killed.store.sent = die  # type: ignore[method-assign, assignment]
    with pytest.raises(asyncio.CancelledError):
        await killed.look(0, ROLLED_BACK)
    assert len(receiver.got) == 1
    await Replica(database, receiver.url).look(0.5, ROLLED_BACK)
    assert len(receiver.got) == 1
    await Replica(database, receiver.url).look(2, ROLLED_BACK)
    await Replica(database, receiver.url).look(4, ROLLED_BACK)
    assert len(receiver.got) == 2
    assert rows(DELIVERIES)[0]["state"] == "sent"


async def test_a_receiver_that_is_down_is_told_when_it_is_up(database: Database, rows: Rows) -> None:
    """The attempts are further apart each time, the last error is kept, and one message tells it in the end."""
    receiver = Receiver()
    with listening(receiver):
        pass
    for minute in range(5):
        await Replica(database, receiver.url).look(minute, ROLLED_BACK)
    (delivery,) = rows("SELECT state, attempts, last_error, due_at FROM tickover.notice_delivery")
    assert (delivery["state"], delivery["attempts"]) == ("due", 4)
    assert delivery["due_at"] == NOW + 8 * MINUTE
    assert delivery["last_error"]
    assert TOKEN not in delivery["last_error"]
    with listening(receiver):
        await Replica(database, receiver.url).look(10, ROLLED_BACK)
        await Replica(database, receiver.url).look(30, ROLLED_BACK)
    assert len(receiver.got) == 1
    assert rows(DELIVERIES)[0]["state"] == "sent"


async def test_what_nobody_takes_for_a_day_is_given_up_and_said(
    database: Database, receiver: Receiver, rows: Rows
) -> None:
    """Never silently: the row says so, with the last error, and so does the log."""
    receiver.status = 500
    await Replica(database, receiver.url).look(0, ROLLED_BACK)
    with capture_logs() as logs:
        await Replica(database, receiver.url).look(25 * 60, ROLLED_BACK)
    assert rows(DELIVERIES) == [{"kind": "opened", "destination": "json#1", "state": "abandoned", "attempts": 2}]
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["notice.abandoned"]


async def test_quiet_hours_keep_what_is_known_until_the_morning(
    database: Database, receiver: Receiver, rows: Rows
) -> None:
    """A new cause and a page come through; a known cause and the end of another wait, and are told together."""
    quiet = replace(TIMING, quiet=parse_quiet_hours("12:00-14:00 UTC"))

    async def look(minute: float, *findings: Finding) -> None:
        await Replica(database, receiver.url, quiet).look(minute, *findings)

    await look(0, ROLLED_BACK)
    for minute in (1, 12):  # away, and closed
        await look(minute)
    await look(30, ROLLED_BACK)  # known by now
    rows(FAILED, "boom", NOW, NOW)
    await look(31, ROLLED_BACK)
    assert receiver.titles() == [
        "[probe, test] Warning: rolled-back of process",
        "[probe, test] PAGE: function-failed of process",
    ]
    await look(121, ROLLED_BACK)
    assert receiver.titles()[2:] == [
        "[probe, test] Warning: rolled-back of process",
        "[probe, test] Over: rolled-back of process",
    ]
    assert {row["state"] for row in rows(DELIVERIES)} == {"sent"}


async def test_a_flood_is_one_message(database: Database, receiver: Receiver) -> None:
    """Eight causes at once where four messages an hour may be sent: none is left out."""
    codes = ("rolled-back", "dead-letters", "circuit-open", "code-a", "code-b", "code-c", "code-d", "code-e")
    flood = [Finding(code, f"of-{code}", f"{code} is wrong", "look") for code in codes]
    limited = replace(TIMING, confirm=timedelta(), hourly=4)
    for minute in range(30):
        await Replica(database, receiver.url, limited).look(minute, *flood)
    assert len(receiver.got) == 3
    text = "".join(message["title"] + message["message"] for message in receiver.got)
    assert all(f"of-{code}" in text for code in codes)


async def test_nothing_is_lost_where_nothing_is_configured(database: Database, rows: Rows) -> None:
    """Notices are kept, and owe no delivery."""
    await Replica(database, None).look(0, ROLLED_BACK)
    assert rows("SELECT code, state FROM tickover.notice") == [{"code": "rolled-back", "state": "open"}]
    assert rows(DELIVERIES) == []


async def test_i5_the_wrong_environment_keeps_and_sends_nothing(
    database: Database, receiver: Receiver, rows: Rows
) -> None:
    """Nor does it touch what another one has to deliver."""
    receiver.status = 500
    await Replica(database, receiver.url).look(0, ROLLED_BACK)
    receiver.status = 200
    before = rows("SELECT * FROM tickover.notice"), rows("SELECT * FROM tickover.notice_delivery")
    with capture_logs() as logs:
        await Replica(database, receiver.url, gate=ClosedGate()).look(5, ROLLED_BACK, IDLE)
    assert (rows("SELECT * FROM tickover.notice"), rows("SELECT * FROM tickover.notice_delivery")) == before
    assert receiver.got == []
    assert [log["event"] for log in logs] == ["notices.refused"]


async def test_i10_a_receiver_that_hangs_holds_nobody_for_long(database: Database, receiver: Receiver) -> None:
    """The send ends within its time, is recorded as failed, and is tried again later."""
    receiver.go_on.clear()
    replica = Replica(database, receiver.url)
    (destination,) = replica.courier._destinations
    send = destination.send

    async def hurried(message: Any, _: float) -> str | None:
        return await send(message, 0.2)

    destination.send = hurried  # type: ignore[method-assign, assignment]
    await replica.look(0, ROLLED_BACK)
    (notice,) = await replica.store.list([NoticeState.OPEN], 10)
    assert notice.due == 1
    assert "no answer within 0.2 s" in (notice.last_error or "")


async def test_old_notices_are_forgotten_with_their_deliveries(
    database: Database, receiver: Receiver, rows: Rows
) -> None:
    """Those that ended longer ago than ticks are kept; what is open, or still to be told, stays."""
    await Replica(database, receiver.url).look(0, ROLLED_BACK)
    for minute in (1, 12):
        await Replica(database, receiver.url).look(minute)
    rows(
        "INSERT INTO tickover.notice (key, scope, code, severity, state, subjects, text, remedy, affects, done,"
        " evidence, is_new, first_seen_at, seen_at) SELECT 'k', 'elsewhere', 'c', 'warn', 'open', '{}', '', '',"
        " '{}', '{}', '{}', true, %s, %s",
        NOW, NOW,
    )  # fmt: skip
    await Replica(database, receiver.url).look(31 * 24 * 60)
    assert rows("SELECT state FROM tickover.notice") == [{"state": "open"}]
    assert rows(DELIVERIES) == []


async def test_secrets_stand_in_no_row_and_no_line(
    database: Database, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    """A receiver that is down, with every library at its most talkative."""
    down = Receiver()
    with listening(down):
        pass
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        await Replica(database, down.url).look(0, ROLLED_BACK)
    kept = rows("SELECT n::text AS n, d::text AS d FROM tickover.notice n JOIN tickover.notice_delivery d ON true")
    assert [log["event"] for log in logs] == ["notice.opened", "notice.undelivered"]
    for text in (repr(logs), repr(kept), caplog.text):
        assert TOKEN not in text
    assert "127.0.0.1" in caplog.text


async def test_a_tick_that_fails_tells_it_before_it_answers(
    serve: Serve, probe: Probe, receiver: Receiver, rows: Rows
) -> None:
    """Serverless: nothing runs between ticks. The page lists it, and a test message arrives beside it."""

    async def fail(_: object) -> Any:
        raise RuntimeError("the mail server is away")

    probe.bodies["queue-drain"] = fail
    site = await serve(TICKOVER_NOTICES=receiver.url, TICKOVER_DASHBOARD_URL="https://app.example.com/tickover/")
    answer = await site.tick("t1")
    assert answer.status_code == 500
    assert receiver.titles() == ["[probe, development] PAGE: function-failed of process"]
    assert "the mail server is away" in receiver.got[0]["message"]
    assert "See: https://app.example.com/tickover" in receiver.got[0]["message"]
    notices = site.tickover.notices
    (notice,) = await notices.open_now()
    assert [one.id for one in await notices.recent()] == [notice.id]
    assert json.loads(json.dumps(notice.as_json()))["code"] == "function-failed"
    (tried,) = await notices.test("somebody")
    assert (tried.destination, tried.error) == ("json#1", None)
    assert "Test" in receiver.titles()[1]
    assert rows("SELECT by, subject FROM tickover.audit WHERE action = 'notices.tested'") == [
        {"by": "somebody", "subject": "json#1"}
    ]


async def test_a_healthy_look_asks_two_questions(database: Database, rows: Rows) -> None:
    """Where nothing is wrong nothing is written, and nothing more is asked."""
    asked: list[str] = []
    replica = Replica(database, "json://127.0.0.1:9/")
    for name in ("look_around", "standing", "apply", "claim", "forget"):
        method = getattr(replica.store, name)

        async def counted(*args: Any, _name: str = name, _method: Any = method, **options: Any) -> Any:
            asked.append(_name)
            return await _method(*args, **options)

        setattr(replica.store, name, counted)
    await replica.look(0)
    assert asked == ["look_around", "standing", "forget"]  # the last one every ten minutes of a process
    assert rows("SELECT count(*) FROM tickover.notice") == [{"count": 0}]
