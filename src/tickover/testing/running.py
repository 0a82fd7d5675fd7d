"""An engine that runs while a test does."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from time import sleep
from typing import Any

import psycopg
import pytest

from tickover import clock
from tickover.localengine.clock import EngineClock
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import HISTORY, create_engine_app
from tickover.migrations import migrate
from tickover.sql import statement
from tickover.testing.databases import cloned
from tickover.testing.engine import Engine
from tickover.testing.errors import RunsHangError
from tickover.testing.logs import kept_from_output
from tickover.testing.marker import Wishes
from tickover.testing.moving import Time
from tickover.testing.observed import Observed
from tickover.testing.serving import AsgiServer

_FIRES_WITHIN = 10.0  # seconds
_POLL = 0.02
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

        move = partial(_move, served, engine_clock, connection)
        signing_key = _SIGNING_KEY if wishes.keys else None
        engine = Engine(
            served.url, _EVENT_KEY, signing_key, connection, Time(engine_clock.now, move), observed.registrations
        )
        _point_sdk_to(engine, stack.enter_context(pytest.MonkeyPatch.context()))
        yield engine


def _move(served: AsgiServer, engine_clock: EngineClock, connection: psycopg.Connection[Any], by: timedelta) -> None:
    """Move an engine's time, with a stop at each cron trigger on the way: one that is late by more is skipped.

    Raises:
        RunsHangError: a cron trigger does not fire.
        ValueError: that would be back.
    """
    target = engine_clock.now() + by
    while (due_at := _next_trigger(connection, target)) is not None:
        _advance(served, engine_clock, max(due_at - engine_clock.now(), timedelta()))
        until = clock.monotonic() + _FIRES_WITHIN
        while _next_trigger(connection, due_at) is not None:
            if clock.monotonic() > until:
                raise RunsHangError(f"a cron trigger of {due_at} has not fired within {_FIRES_WITHIN:g} s")
            sleep(_POLL)
    _advance(served, engine_clock, max(target - engine_clock.now(), min(by, timedelta())))


def _advance(served: AsgiServer, engine_clock: EngineClock, by: timedelta) -> None:
    served.call(partial(engine_clock.advance, by))


def _next_trigger(connection: psycopg.Connection[Any], at: datetime) -> datetime | None:
    """When the first cron trigger that is due by a time is due; None where none is."""
    row = connection.execute(statement("read_next_trigger", "tickover.testing.sql"), {"at": at}).fetchone()
    return None if row is None else row[0]


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
