"""Logs and metrics: structlog to standard error, OpenTelemetry's API for whatever collector the user has."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import metrics

from tickover.isolation.redaction import redact_all, secrets_in
from tickover.settings import environment

_meter = metrics.get_meter("tickover")
_queue_due = _meter.create_gauge("tickover.queue.due", unit="{job}", description="jobs that are due")
_queue_age = _meter.create_gauge("tickover.queue.oldest_due_age", unit="s", description="age of the oldest due job")
_queue_stale = _meter.create_gauge("tickover.queue.stale", description="1 while the oldest due job is too old")
_ticks = _meter.create_counter("tickover.ticks", unit="{tick}", description="ticks answered, by route and mode")


def configure_logs(*, json: bool, level: int = logging.INFO) -> None:
    """Send logs to standard error, once per process.

    Args:
        json: one JSON object a line, for machines; otherwise for people.
        level: the least level that is shown.
    """
    renderer = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _Redacted(secrets_in(environment())),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class _Redacted:
    """Takes the secrets of the process out of every line: errors of libraries name what they were given."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """A line without them."""
        line: Mapping[str, Any] = redact_all(event, self._secrets)
        return line


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
