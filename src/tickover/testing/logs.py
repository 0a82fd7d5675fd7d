"""Where the engine's log lines go while a test runs: to `logging`, where pytest keeps them for a test that fails."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog


@contextmanager
def kept_from_output() -> Iterator[None]:
    """Keep the engine's lines out of what a test prints.

    structlog prints to standard output until somebody configures it. Here only the engine's lines are led elsewhere, so
    an application that logs by structlog does so as ever; and nothing is done where it is configured.
    """
    if structlog.is_configured():
        yield
        return
    usual = structlog.get_config()["logger_factory"]

    def factory(*names: Any) -> Any:
        ours = bool(names) and str(names[0]).startswith("tickover")
        return logging.getLogger(names[0]) if ours else usual(*names)

    structlog.configure(logger_factory=factory)
    try:
        yield
    finally:
        if structlog.get_config()["logger_factory"] is factory:
            structlog.reset_defaults()
