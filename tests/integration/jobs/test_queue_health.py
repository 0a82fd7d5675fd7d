"""What `queue-health` sees, and when it raises the alarm."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from structlog.testing import capture_logs

from tests.runs import MakeRun
from tickover import clock
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import COUNTED_UP_TO, JobQueue
from tickover.maintenance.queue_health import queue_health

Rows = Callable[..., list[dict[str, Any]]]

HALF_AN_HOUR = timedelta(minutes=30)


async def test_an_empty_queue_is_healthy(queue: JobQueue, make_run: MakeRun) -> None:
    """Nothing due, no oldest job; future and ended jobs do not count."""
    await queue.enqueue("any", 1, run_at=clock.now() + timedelta(days=1))
    with capture_logs() as logs:
        summary = await queue_health(HALF_AN_HOUR)(await make_run())
    assert (summary.looked_at, summary.changed, summary.left, summary.error) == (0, 0, 0, None)
    assert summary.details == {"due": 0, "more": False, "oldest": None, "stale": False}
    assert logs == []


async def test_f6_a_queue_whose_oldest_job_waits_too_long_is_stale(queue: JobQueue, make_run: MakeRun) -> None:
    """The oldest due job is named with its age, and the alarm is an error in the log, not a failure."""
    since = clock.now() - timedelta(minutes=31)
    await queue.enqueue("young", 1, priority=9)
    oldest = await queue.enqueue("old", 1, run_at=since)
    with capture_logs() as logs:
        summary = await queue_health(HALF_AN_HOUR)(await make_run())
    assert summary.error is None
    assert (summary.details["due"], summary.details["stale"]) == (2, True)
    shown = summary.details["oldest"]
    assert (shown["id"], shown["kind"], datetime.fromisoformat(shown["run_at"])) == (oldest, "old", since)
    assert 31 * 60 <= shown["age_s"] < 32 * 60
    (log,) = logs
    assert (log["event"], log["log_level"], log["oldest"]["id"]) == ("queue.stale", "error", oldest)


async def test_a_queue_within_its_limit_is_not_stale(queue: JobQueue, make_run: MakeRun) -> None:
    """A job that has been due for 29 minutes raises no alarm."""
    await queue.enqueue("any", 1, run_at=clock.now() - timedelta(minutes=29))
    with capture_logs() as logs:
        assert not (await queue_health(HALF_AN_HOUR)(await make_run())).details["stale"]
    assert logs == []


async def test_f6_a_job_whose_lease_expired_counts_as_due(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """A stuck job is seen with the time since when it has been due; one whose lease holds is not."""
    stuck, _ = await queue.enqueue_many([NewJob("any", n, run_at=clock.now() - timedelta(hours=2)) for n in range(2)])
    rows("UPDATE tickover.job SET state = 'running', lease_expires_at = now() + interval '1 minute'")
    assert (await queue_health(HALF_AN_HOUR)(await make_run())).details["due"] == 0
    rows("UPDATE tickover.job SET lease_expires_at = now() - interval '1 second' WHERE id = %s", stuck)
    details = (await queue_health(HALF_AN_HOUR)(await make_run())).details
    assert (details["due"], details["oldest"]["id"], details["stale"]) == (1, stuck, True)


async def test_many_due_jobs_are_counted_up_to_a_bound(queue: JobQueue, rows: Rows) -> None:
    """At the bound the count is exact; beyond, it says that there are more."""
    rows("INSERT INTO tickover.job (kind, payload) SELECT 'any', '1' FROM generate_series(1, %s)", COUNTED_UP_TO)
    health = await queue.health(clock.now())
    assert (health.due, health.more) == (COUNTED_UP_TO, False)
    await queue.enqueue("any", 1)
    health = await queue.health(clock.now())
    assert (health.due, health.more) == (COUNTED_UP_TO, True)


async def test_health_is_told_at_a_given_time(queue: JobQueue) -> None:
    """What is due, and what is the oldest, depends on the time passed in, and on the client asked about."""
    now = clock.now()
    await queue.enqueue("any", 1, run_at=now + timedelta(hours=1), client_id="acme")
    assert (await queue.health(now)).due == 0
    assert (await queue.health(now + timedelta(hours=2))).due == 1
    assert (await queue.health(now + timedelta(hours=2), "acme")).due == 1
    assert (await queue.health(now + timedelta(hours=2), "bolt")).due == 0
