"""Logs: structlog to standard error, one JSON object a line for machines, or lines for people."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace

from tickover.isolation.redaction import redact_all, secrets_in
from tickover.settings import environment

_FORMS = ("json", "console")


def configure_logs(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Send logs to standard error, once per process.

    Args:
        json: one JSON object a line, for machines; otherwise for people. None leaves it to `TICKOVER_LOGS`, and without
            that to whether a terminal reads them.
        level: the least level that is shown.
    """
    if json is None:
        said = environment().get("TICKOVER_LOGS", "").strip()
        json = said == "json" if said in _FORMS else not sys.stderr.isatty()
    renderer = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _with_trace,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _Redacted(secrets_in(environment())),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _with_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace and the span within which a line is written, where somebody records them."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


class _Redacted:
    """Takes the secrets of the process out of every line: errors of libraries name what they were given."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """A line without them."""
        line: Mapping[str, Any] = redact_all(event, self._secrets)
        return line
