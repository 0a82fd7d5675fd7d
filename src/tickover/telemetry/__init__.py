"""Logs and metrics."""

from tickover.telemetry.logs import configure_logs
from tickover.telemetry.metrics import (
    record_begin,
    record_covered,
    record_end,
    record_execution,
    record_jobs,
    record_queue_health,
    record_reading,
    record_recovery,
    record_refused,
    record_status_failure,
    record_tick,
)

__all__ = [
    "configure_logs",
    "record_begin",
    "record_covered",
    "record_end",
    "record_execution",
    "record_jobs",
    "record_queue_health",
    "record_reading",
    "record_recovery",
    "record_refused",
    "record_status_failure",
    "record_tick",
]
