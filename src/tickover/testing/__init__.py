"""A pytest plugin for applications on the Inngest SDK: an engine, an application, and time that can be moved.

Name it in the `conftest.py` at the root of the tests: `pytest_plugins = ["tickover.testing"]`. See docs/testing.md.

PYTEST_DONT_REWRITE: it holds no assertions, and a conftest.py may import its names before it names the plugin.
"""

from tickover.testing.application import App, Apps
from tickover.testing.engine import Engine
from tickover.testing.errors import NotServedError, RunsHangError
from tickover.testing.fixtures import (
    inngest_app,
    inngest_client,
    inngest_engine,
    inngest_postgres,
    inngest_template,
    inngest_time,
    pytest_configure,
)
from tickover.testing.moving import Time
from tickover.testing.run import Run

__all__ = [
    "App",
    "Apps",
    "Engine",
    "NotServedError",
    "Run",
    "RunsHangError",
    "Time",
    "inngest_app",
    "inngest_client",
    "inngest_engine",
    "inngest_postgres",
    "inngest_template",
    "inngest_time",
    "pytest_configure",
]
