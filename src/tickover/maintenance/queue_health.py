"""The body of `queue-health`: notice when due jobs wait for too long, whatever the reason."""

from dataclasses import dataclass
from datetime import timedelta

from tickover import clock, telemetry
from tickover.execution.run import Run, Summary
from tickover.jobs.queue import JobQueue


def queue_health(stale_after: timedelta) -> "QueueHealth":
    """The responsibility that looks at the queue and raises the alarm; it changes nothing.

    Jobs whose lease has expired count as due. A stale queue is an error in the log, `queue.stale`; how many
    are due, and for how long the oldest, are metrics. It is no failure of this responsibility, which would only make
    the engine call it again.

    Args:
        stale_after: how long the oldest due job may wait.

    Returns:
        A body for `Responsibility`. Its summary: `looked_at` jobs are due (counted up to 10,000; `more` says that
        there are more), and `oldest`: id, kind, run at, age in seconds, or None.
    """
    return QueueHealth(stale_after)


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """The body that `queue_health` makes.

    Args:
        stale_after: how long the oldest due job may wait.
    """

    stale_after: timedelta

    async def __call__(self, run: Run) -> Summary:
        """Look at the queue, of one client where the run is about one."""
        now = clock.now()
        health = await JobQueue(run.database).health(now, run.client_id)
        oldest = health.oldest
        age = timedelta() if oldest is None else now - oldest.run_at
        stale = age > self.stale_after
        details = {
            "due": health.due,
            "more": health.more,
            "oldest": oldest
            and {
                "id": oldest.id,
                "kind": oldest.kind,
                "run_at": oldest.run_at.isoformat(),
                "age_s": round(age.total_seconds(), 3),
            },
            "stale": stale,
        }
        if run.client_id is None:  # the gauges are about the whole queue
            telemetry.record_queue_health(due=health.due, oldest_age=age.total_seconds())
        if stale:
            run.log.error("queue.stale", **details, stale_after_s=self.stale_after.total_seconds())
        return Summary(looked_at=health.due, details=details)
