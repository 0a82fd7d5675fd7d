"""Logs: structlog to standard error, one JSON object a line for machines, or lines for people."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from tickover.isolation.redaction import redact_all, secrets_in
from tickover.settings import environment


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
