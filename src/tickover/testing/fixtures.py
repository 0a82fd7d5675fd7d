"""The fixtures. What they need is loaded by the test that asks for it, not by every pytest run."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import inngest
import pytest

from tickover import embedded
from tickover.testing.application import Apps
from tickover.testing.engine import Engine
from tickover.testing.marker import LINE, Wishes
from tickover.testing.moving import Time


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", LINE)


@pytest.fixture(scope="session")
def inngest_postgres() -> Iterator[str]:
    """The URI of a throwaway PostgreSQL server. Define a fixture of this name to use one of your own."""
    # Not below pytest's own folder: another session closes that to everybody but its user, and as root the server
    # runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="tickover-") as folder, embedded.postgres(Path(folder) / "data") as uri:
        yield uri


@pytest.fixture(scope="session")
def inngest_template(inngest_postgres: str) -> Iterator[str]:
    """The name of the database that each engine's is cloned from."""
    from tickover.testing.running import template  # noqa: PLC0415

    with template(inngest_postgres) as name:
        yield name


@pytest.fixture
def inngest_engine(request: pytest.FixtureRequest, inngest_postgres: str, inngest_template: str) -> Iterator[Engine]:
    """An engine of this test's own, in a thread; the SDK's environment variables name it meanwhile."""
    from tickover.testing.running import running_engine  # noqa: PLC0415

    wishes = Wishes.of(request.node.iter_markers("inngest"))
    with running_engine(inngest_postgres, inngest_template, wishes) as engine:
        yield engine


@pytest.fixture
def inngest_time(inngest_engine: Engine) -> Time:
    """The engine's time, which can be moved forward."""
    return inngest_engine.time


@pytest.fixture
def inngest_client(request: pytest.FixtureRequest, inngest_engine: Engine) -> inngest.Inngest:
    """A client of the SDK for this engine; its app id is `test`, or what the mark says."""
    return inngest.Inngest(
        app_id=Wishes.of(request.node.iter_markers("inngest")).app_id,
        api_base_url=inngest_engine.url,
        event_api_base_url=inngest_engine.url,
        event_key=inngest_engine.event_key,
        signing_key=inngest_engine.signing_key,
        is_production=inngest_engine.signing_key is not None,
    )


@pytest.fixture
def inngest_app(inngest_engine: Engine, inngest_client: inngest.Inngest) -> Iterator[Apps]:
    """Serves functions, or a whole application, and registers them with the engine."""
    from tickover.testing.serving import serve  # noqa: PLC0415

    apps = Apps(inngest_engine, inngest_client, serve)
    try:
        yield apps
    finally:
        apps.close()
