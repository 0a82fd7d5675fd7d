"""Recurring jobs against a real database: each occurrence once, whoever asks and whatever breaks."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from tests.integration.jobs.conftest import under_way
from tests.runs import MakeRun
from tests.waiting import eventually
from tickover import Job, JobQueue, Recurring, clock, queue_drain
from tickover.database import Database
from tickover.errors import ScheduleError
from tickover.jobs.schedules import RecurringCounts, enqueue_recurring

Rows = Callable[..., list[dict[str, Any]]]

START = clock.now().replace(minute=30, second=20, microsecond=0) - timedelta(hours=2)
HOUR = timedelta(hours=1)
FIRST = START.replace(minute=0, second=0) + HOUR
HOURLY = Recurring("hourly", "0 * * * *", "report", {"of": "the hour"})
JOBS = "SELECT id, kind, run_at, state, dedupe_key FROM tickover.job ORDER BY id"
KEPT = "SELECT * FROM tickover.recurring ORDER BY name"
END_JOBS = "UPDATE tickover.job SET state = 'succeeded', finished_at = now()"
WAITS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%tickover.enqueue%%'
"""
REFUSE_TO_ADVANCE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON tickover.recurring FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture
async def begun(database: Database) -> Database:
    """A database in which `HOURLY` has been seen; it occurs first at `FIRST`."""
    assert await enqueue_recurring(database, [HOURLY], START) == RecurringCounts(begun=1)
    return database


async def test_a_new_schedule_waits_for_its_first_occurrence(database: Database, rows: Rows) -> None:
    """Seen at half past, it begins with the next full hour, and does not fire for the last."""
    with capture_logs() as logs:
        counts = await enqueue_recurring(database, [HOURLY], START)
    assert counts == RecurringCounts(begun=1)
    assert [(log["event"], log["recurring"], log["next_at"]) for log in logs] == [
        ("recurring.begun", "hourly", FIRST.isoformat())
    ]
    assert await enqueue_recurring(database, [HOURLY], FIRST - timedelta(seconds=1)) == RecurringCounts()
    assert rows(JOBS) == []


async def test_an_occurrence_is_enqueued_at_its_time_and_once(begun: Database, rows: Rows) -> None:
    """Its job may run from then on; the row says what became of it, and when the next one comes."""
    with capture_logs() as logs:
        assert await enqueue_recurring(begun, [HOURLY], FIRST) == RecurringCounts(enqueued=1)
    assert await enqueue_recurring(begun, [HOURLY], FIRST) == RecurringCounts()
    (job,), (kept,) = rows(JOBS), rows(KEPT)
    assert (job["kind"], job["run_at"], job["dedupe_key"]) == ("report", FIRST, "recurring:hourly")
    assert (kept["last_at"], kept["last_job_id"], kept["next_at"]) == (FIRST, job["id"], FIRST + HOUR)
    (log,) = logs
    assert (log["event"], log["log_level"], log["job_id"]) == ("recurring.enqueued", "info", job["id"])


async def test_what_a_schedule_enqueues_is_drained(begun: Database, make_run: MakeRun) -> None:
    """By the handler of its kind, with its payload."""
    given: list[Any] = []

    async def report(job: Job) -> None:
        given.append((job.kind, job.payload))

    await enqueue_recurring(begun, [HOURLY], FIRST)
    summary = await queue_drain({"report": report})(await make_run())
    assert (summary.changed, given) == (1, [("report", {"of": "the hour"})])


async def test_i4_of_eight_callers_at_once_one_enqueues_an_occurrence(
    database: Database, replica: Database, rows: Rows
) -> None:
    """Over twenty minutes, with clocks up to seven seconds apart, each of three schedules makes one job a minute."""
    schedules = [Recurring(name, "* * * * *", "report") for name in ("a", "b", "c")]
    full = START.replace(second=0)
    counts: list[RecurringCounts] = []
    for minute in range(21):
        now = full + timedelta(minutes=minute)
        calls = (
            enqueue_recurring(
                (database, replica)[n % 2], schedules[n % 3 :] + schedules[: n % 3], now + n * HOUR / 3600
            )
            for n in range(8)
        )
        counts += await asyncio.gather(*calls)
        rows(END_JOBS)
    found = sorted((job["dedupe_key"], job["run_at"]) for job in rows(JOBS))
    assert found == [
        (f"recurring:{name}", full + timedelta(minutes=minute)) for name in "abc" for minute in range(1, 21)
    ]
    assert [sum(getattr(count, field) for count in counts) for field in ("begun", "enqueued", "overlapped")] == [
        3,
        60,
        0,
    ]


async def test_after_a_pause_only_the_newest_occurrence_is_enqueued(begun: Database, rows: Rows) -> None:
    """The counts and the log say how many were skipped."""
    now = FIRST - timedelta(days=3)
    rows("UPDATE tickover.recurring SET next_at = %s", now)
    with capture_logs() as logs:
        assert await enqueue_recurring(begun, [HOURLY], FIRST + HOUR / 2) == RecurringCounts(enqueued=1, skipped=72)
    assert [job["run_at"] for job in rows(JOBS)] == [FIRST]
    assert [log["skipped"] for log in logs] == [72]


async def test_an_unfinished_job_stands_for_the_next_occurrence(begun: Database, rows: Rows) -> None:
    """The log warns and nothing overlaps; once it has ended, the next occurrence makes a job again."""
    await enqueue_recurring(begun, [HOURLY], FIRST)
    rows("UPDATE tickover.job SET state = 'running'")
    with capture_logs() as logs:
        assert await enqueue_recurring(begun, [HOURLY], FIRST + HOUR) == RecurringCounts(overlapped=1)
    (job,), (kept,), (log,) = rows(JOBS), rows(KEPT), logs
    assert (log["event"], log["log_level"], log["job_id"]) == ("recurring.overlapped", "warning", job["id"])
    assert (kept["last_at"], kept["last_job_id"], kept["next_at"]) == (FIRST + HOUR, job["id"], FIRST + 2 * HOUR)
    rows(END_JOBS)
    assert await enqueue_recurring(begun, [HOURLY], FIRST + 2 * HOUR) == RecurringCounts(enqueued=1)
    assert [job["run_at"] for job in rows(JOBS)] == [FIRST, FIRST + 2 * HOUR]


@pytest.mark.parametrize(
    "changed", [replace(HOURLY, cron="30 * * * *"), replace(HOURLY, timezone="Asia/Kolkata")], ids=["cron", "timezone"]
)
async def test_a_changed_expression_or_zone_holds_from_now_on(begun: Database, rows: Rows, changed: Recurring) -> None:
    """Without firing for the occurrence that the old one had due; Kolkata's full hours are at half past."""
    now = FIRST + timedelta(minutes=5)
    assert await enqueue_recurring(begun, [changed], now) == RecurringCounts(begun=1)
    half_past = FIRST + HOUR / 2
    assert await enqueue_recurring(begun, [changed], half_past - timedelta(seconds=1)) == RecurringCounts()
    assert await enqueue_recurring(begun, [changed], half_past) == RecurringCounts(enqueued=1)
    assert [job["run_at"] for job in rows(JOBS)] == [half_past]


async def test_who_read_the_row_before_it_moved_on_enqueues_nothing(
    begun: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that was held up between its look and its lock finds the occurrence taken."""
    from tickover.jobs import schedules  # noqa: PLC0415 - patched

    read = schedules._read

    async def slow(database: Database, given: Any) -> Any:
        kept = await read(database, given)
        monkeypatch.setattr(schedules, "_read", read)
        await enqueue_recurring(database, given, FIRST)
        rows(END_JOBS)
        return kept

    monkeypatch.setattr(schedules, "_read", slow)
    assert await enqueue_recurring(begun, [HOURLY], FIRST) == RecurringCounts()
    assert len(rows(JOBS)) == 1


async def test_rows_of_schedules_that_are_not_declared_never_fire(begun: Database, rows: Rows) -> None:
    """They are left as they are, also when nothing is declared any more."""
    before = rows(KEPT)
    other = replace(HOURLY, name="other")
    assert await enqueue_recurring(begun, [other], FIRST + HOUR) == RecurringCounts(begun=1)
    assert await enqueue_recurring(begun, [], FIRST + HOUR) == RecurringCounts()
    assert rows(JOBS) == []
    assert [row for row in rows(KEPT) if row["name"] == "hourly"] == before


async def test_a_call_that_fails_half_way_leaves_its_occurrence_to_the_next(begun: Database, rows: Rows) -> None:
    """The job was stored and the row could not be moved on: neither is kept, and nothing is enqueued twice."""
    rows(REFUSE_TO_ADVANCE)
    with pytest.raises(psycopg.errors.RaiseException, match="the disk is full"):
        await enqueue_recurring(begun, [HOURLY], FIRST)
    assert rows(JOBS) == []
    rows("DROP TRIGGER refuse ON tickover.recurring")
    assert await enqueue_recurring(begun, [HOURLY], FIRST) == RecurringCounts(enqueued=1)
    assert [job["run_at"] for job in rows(JOBS)] == [FIRST]


async def test_a_caller_that_dies_half_way_holds_up_nobody_and_loses_nothing(
    begun: Database, replica: Database, database_dsn: str, rows: Rows
) -> None:
    """While it is at it others pass its occurrence over; once its connection is gone the next call enqueues it."""

    async def waits() -> bool:
        return bool(rows(WAITS))

    with psycopg.connect(database_dsn) as blocker:
        blocker.execute("LOCK TABLE tickover.job IN EXCLUSIVE MODE")
        async with under_way(enqueue_recurring(begun, [HOURLY], FIRST)) as dying:
            await eventually(waits)
            assert await enqueue_recurring(replica, [HOURLY], FIRST) == RecurringCounts()
            rows("SELECT pg_terminate_backend(%s)", rows(WAITS)[0]["pid"])
            with pytest.raises(psycopg.OperationalError):
                await dying
        blocker.rollback()
    assert rows(JOBS) == []
    assert await enqueue_recurring(replica, [HOURLY], FIRST) == RecurringCounts(enqueued=1)
    assert [job["run_at"] for job in rows(JOBS)] == [FIRST]


async def test_two_schedules_of_one_name_are_refused(database: Database, rows: Rows) -> None:
    """Before anything is stored."""
    with pytest.raises(ScheduleError, match="hourly"):
        await enqueue_recurring(database, [HOURLY, replace(HOURLY, kind="other")], START)
    assert rows(KEPT) == []


async def test_every_declared_schedule_can_be_stored(database: Database, queue: JobQueue) -> None:
    """The longest name and the widest values that a declaration takes are taken by the tables too."""
    widest = Recurring(
        "n" * 100, "* * * * *", "k" * 100, "x", "America/Argentina/ComodRivadavia", "c" * 64, 1000, 100, 3600
    )
    await enqueue_recurring(database, [widest], START)
    assert await enqueue_recurring(database, [widest], START + timedelta(minutes=1)) == RecurringCounts(enqueued=1)
    (job,) = await queue.list()
    assert (job.kind, job.client_id, job.priority, job.max_attempts) == ("k" * 100, "c" * 64, 1000, 100)
    assert (job.timeout_s, job.run_at) == (3600, START.replace(second=0) + timedelta(minutes=1))
