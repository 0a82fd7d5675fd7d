"""How the queue stood, minute by minute."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Rows, Serve
from tickover import clock
from tickover.database import Database
from tickover.insight.samples import COUNTED_UP_TO, QueueSample, QueueSamples

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 27, 12, 30, 20, tzinfo=UTC)
DUE = "INSERT INTO tickover.job (kind, payload, run_at) SELECT 'k', '{}', %s FROM generate_series(1, %s)"


async def test_a_minute_has_one_row_whatever_the_number_of_writers(
    database: Database, database_dsn: str, rows: Rows
) -> None:
    """Twenty at once, of two replicas, at several moments of it; the next minute has one of its own."""
    other = Database(database_dsn)
    await other.open()
    try:
        writers = [QueueSamples(database), QueueSamples(other)] * 10
        await asyncio.gather(*[w.take(NOW + timedelta(seconds=n)) for n, w in enumerate(writers)])
        await asyncio.gather(*[w.take(NOW + MINUTE) for w in writers])
    finally:
        await other.close()
    found = rows("SELECT at FROM tickover.queue_sample ORDER BY at")
    assert [row["at"] for row in found] == [NOW.replace(second=0), NOW.replace(second=0) + MINUTE]


async def test_a_sample_tells_how_many_were_due_and_for_how_long_the_oldest(database: Database, rows: Rows) -> None:
    """What is due later does not count; who comes later in the minute changes nothing."""
    samples = QueueSamples(database)
    rows(DUE, NOW - 90 * timedelta(seconds=1), 2)
    rows(DUE, NOW + MINUTE, 5)
    rows("UPDATE tickover.job SET state = 'scheduled' WHERE run_at > %s", NOW)
    await samples.take(NOW)
    rows(DUE, NOW - timedelta(hours=1), 1)
    await samples.take(NOW + timedelta(seconds=30))
    assert await samples.since(NOW - MINUTE) == [QueueSample(NOW.replace(second=0), 2, 90.0)]


async def test_an_empty_queue_is_a_sample_of_nothing(database: Database) -> None:
    """It is drawn as none, not as a gap."""
    await QueueSamples(database).take(NOW)
    assert await QueueSamples(database).since(NOW - MINUTE) == [QueueSample(NOW.replace(second=0), 0, 0.0)]


async def test_more_than_so_many_are_not_counted(database: Database, rows: Rows) -> None:
    """However full the queue is."""
    rows(DUE, NOW - MINUTE, COUNTED_UP_TO + 500)
    await QueueSamples(database).take(NOW)
    assert [sample.due for sample in await QueueSamples(database).since(NOW - MINUTE)] == [COUNTED_UP_TO]


async def test_old_samples_are_forgotten(database: Database) -> None:
    """After the retention; those since a time are read in order."""
    samples, now = QueueSamples(database), clock.now()
    for days in (0, 31, 29, 1):
        await samples.take(now - timedelta(days=days))
    await samples.forget(timedelta(days=30))
    kept = [sample.at for sample in await samples.since(now - timedelta(days=400))]
    assert [round((now - at).total_seconds() / 86_400) for at in kept] == [29, 1, 0]
    assert len(await samples.since(now - timedelta(days=2))) == 2


@pytest.mark.parametrize("ticks", [1, 3])
async def test_ticks_write_samples_beside_their_work(serve: Serve, rows: Rows, ticks: int) -> None:
    """Once a minute of each process."""
    site = await serve()
    for n in range(ticks):
        await site.tick(f"t{n}")
    assert len(rows("SELECT at FROM tickover.queue_sample")) == 1
