"""Metrics: OpenTelemetry's API, for whatever collector the user has."""

from opentelemetry import metrics

_meter = metrics.get_meter("tickover")
_queue_due = _meter.create_gauge("tickover.queue.due", unit="{job}", description="jobs that are due")
_queue_age = _meter.create_gauge("tickover.queue.oldest_due_age", unit="s", description="age of the oldest due job")
_queue_stale = _meter.create_gauge("tickover.queue.stale", description="1 while the oldest due job is too old")
_ticks = _meter.create_counter("tickover.ticks", unit="{tick}", description="ticks answered, by route and mode")


def record_queue_health(*, due: int, oldest_age: float, stale: bool) -> None:
    """Report the job queue.

    Args:
        due: jobs whose time has come.
        oldest_age: seconds since the oldest of them became due; 0 without one.
        stale: whether that is longer than allowed.
    """
    _queue_due.set(due)
    _queue_age.set(oldest_age)
    _queue_stale.set(int(stale))


def record_tick(route: str, mode: str) -> None:
    """Count a tick that was answered.

    Args:
        route: the cron endpoint.
        mode: what was done about it.
    """
    _ticks.add(1, {"route": route, "mode": mode})
