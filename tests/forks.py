"""Processes that are up in a moment: forks of a parent that has imported everything already.

There is one such parent for the whole test run, so it imports what any test needs of it.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext

_PRELOADED = ["tickover.app", "tickover.localengine.server", "uvicorn", "pytest", "tests.integration.conftest"]


def forking() -> ForkServerContext:
    """How to make them."""
    multiprocessing.set_forkserver_preload(_PRELOADED)
    return multiprocessing.get_context("forkserver")
