"""An engine that runs while a test does."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import psycopg
import pytest

from tickover import clock
from tickover.errors import SettingsError
from tickover.localengine.clock import EngineClock
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import HISTORY, create_engine_app
from tickover.migrations import migrate
from tickover.testing.databases import cloned
from tickover.testing.engine import Engine
from tickover.testing.logs import kept_from_output
from tickover.testing.marker import Wishes
from tickover.testing.moving import Time
from tickover.testing.observed import Observed
from tickover.testing.serving import AsgiServer

_SIGNED_FOR = timedelta(minutes=5)  # how old a signature may be
_EVENT_KEY = "test-event-key"
_SIGNING_KEY = "signkey-test-" + "7e57" * 16


@contextmanager
def template(server: str) -> Iterator[str]:
    """The name of a database that stands at the engine's newest migration, to be cloned."""
    with cloned(server) as (uri, name):
        migrate(uri, HISTORY)
        yield name


@contextmanager
def running_engine(server: str, template: str, wishes: Wishes) -> Iterator[Engine]:
    """An engine over a fresh database; everything of it is gone afterwards.

    Args:
        server: URI of the PostgreSQL server.
        template: the database to clone.
        wishes: of the test.
    """
    engine_clock = EngineClock()
    with ExitStack() as stack:
        dsn, _ = stack.enter_context(cloned(server, template))
        stack.enter_context(kept_from_output())
        observed = Observed(create_engine_app(_options(dsn, wishes), engine_clock))
        served = AsgiServer(observed, "engine", wishes.port)
        stack.callback(served.stop)
        connection = stack.enter_context(psycopg.connect(dsn, autocommit=True))

        def move(by: timedelta) -> None:
            if wishes.keys and engine_clock.now() + by > clock.now() + _SIGNED_FOR:
                raise SettingsError(
                    "an engine with keys cannot be moved ahead: the application's signatures are old then"
                )
            served.call(lambda: engine_clock.advance(by))

        signing_key = _SIGNING_KEY if wishes.keys else None
        engine = Engine(
            served.url, _EVENT_KEY, signing_key, connection, Time(engine_clock.now, move), observed.registrations
        )
        _point_sdk_to(engine, stack.enter_context(pytest.MonkeyPatch.context()))
        yield engine


def _options(dsn: str, wishes: Wishes) -> EngineOptions:
    return EngineOptions(
        dsn,
        port=wishes.port,
        event_keys=(_EVENT_KEY,) if wishes.keys else (),
        signing_key=_SIGNING_KEY if wishes.keys else None,
        retry_interval=wishes.retry_interval,
        call_timeout=wishes.call_timeout,
    )


def _point_sdk_to(engine: Engine, patch: pytest.MonkeyPatch) -> None:
    """Let clients of the SDK that are made from now on find the engine, and no other."""
    for name in [name for name in os.environ if name.startswith("INNGEST_")]:
        patch.delenv(name)
    for name, value in engine.environment.items():
        patch.setenv(name, value)
