"""Logs and metrics."""

from tickover.telemetry.logs import configure_logs
from tickover.telemetry.metrics import record_queue_health, record_tick

__all__ = ["configure_logs", "record_queue_health", "record_tick"]
