"""No logs while something is simulated: they would take most of the time."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.campaign import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    configuration = structlog.get_config()
    quiet()
    yield
    structlog.configure(**configuration)
    logging.disable(logging.NOTSET)
