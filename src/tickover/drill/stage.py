"""What a drill is played on: real PostgreSQL, real Valkey, the local engine, two replicas behind one address."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
from psycopg import sql

from tickover import embedded
from tickover.drill.contract import FLAG, INLINE_BUDGET_S, LEASE_S, SQL
from tickover.drill.relay import HOST, Relay
from tickover.embedded import free_port
from tickover.errors import EnvironmentStateError
from tickover.migrations import migrate
from tickover.sql import statement
from tickover.stack.processes import Child

EVENT_KEY = "drill-event-key"
SIGNING_KEY = "signkey-test-" + "ab" * 32
FOREIGN_KEY = "signkey-test-" + "cd" * 32
CRON_SECRET = "drill-cron-secret"  # noqa: S105 - of a stage on the loopback interface that lasts for minutes
REPLICAS = 2
_STARTS_WITHIN = 30.0
_VALKEY_STARTS = 3
_TEMPLATE = "drill_template"
_OURS = ("DATABASE_URL", "REDIS_URL", "CRON_", "INNGEST", "BACKGROUND_JOBS", "TICKOVER", "DRILL")


@dataclass
class Servers:
    """The server of all cases: each case has a database of its own on it.

    Args:
        folder: where everything is kept.
        postgres: URI of the server's own database.
    """

    folder: Path
    postgres: str

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "postgres"

    def make_template(self) -> None:
        """A database at the newest migration, with the drill's own tables, to be cloned for each case."""
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        migrate(self._uri(_TEMPLATE))
        with psycopg.connect(self._uri(_TEMPLATE)) as connection:
            connection.execute(statement("create_marks", SQL))

    def database(self, name: str) -> str:
        """A fresh database; its URI."""
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_TEMPLATE))
            )
        return self._uri(name)

    def _uri(self, name: str) -> str:
        return self.postgres.replace("/postgres?", f"/{name}?")


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Servers]:
    """PostgreSQL from a wheel, stopped in the end."""
    with embedded.postgres(folder / "postgres") as dsn:
        found = Servers(folder, dsn)
        await asyncio.to_thread(found.make_template)
        yield found


@dataclass
class Stage:
    """The processes of one case.

    Args:
        servers: what they share with other cases.
        dsn: the case's own database.
        valkey_pid: the process of the case's own Valkey.
        folder: where its logs go.
        environment: of the replicas.
    """

    servers: Servers
    dsn: str
    valkey_pid: int
    folder: Path
    environment: dict[str, str]
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(REPLICAS)])
    engine_port: int = field(default_factory=free_port)
    relay: Relay = field(init=False)
    replicas: list[Child | None] = field(default_factory=lambda: [None] * REPLICAS)
    engine: Child | None = None

    def __post_init__(self) -> None:
        self.relay = Relay(free_port(), self.ports)
        self.environment |= {"INNGEST_BASE_URL": self.engine_url, "INNGEST_SERVE_ORIGIN": self.url}

    @property
    def url(self) -> str:
        """Where cron and the engine find the application."""
        return f"http://{HOST}:{self.relay.port}"

    @property
    def engine_url(self) -> str:
        """Where the application finds the engine."""
        return f"http://{HOST}:{self.engine_port}"

    async def start_replica(self, number: int, environment: Mapping[str, str] | None = None) -> None:
        """Start a replica, and wait until it serves.

        Args:
            number: which, from 0.
            environment: what is different from the stage's own.
        """
        arguments = [
            "-m",
            "uvicorn",
            "tickover.drill.application:app",
            "--host",
            HOST,
            "--port",
            str(self.ports[number]),
        ]
        arguments += ["--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "1"]
        own = _inherited() | self.environment | dict(environment or {})
        replica = Child(f"replica-{number}", arguments, own, self.folder / f"replica-{number}.log")
        self.replicas[number] = replica
        await replica.answers(f"http://{HOST}:{self.ports[number]}/health", _STARTS_WITHIN, lambda a: a.is_success)

    async def restart_replicas(self, environment: Mapping[str, str]) -> None:
        """One replica after the other is told to end, and started with another environment, as a deployment does it.

        Args:
            environment: what is different from now on.
        """
        self.environment |= environment
        for number, replica in enumerate(self.replicas):
            if replica is not None:
                await replica.stop()
            await self.start_replica(number)

    def kill_replica(self, number: int) -> None:
        """SIGKILL."""
        replica, self.replicas[number] = self.replicas[number], None
        if replica is not None:
            replica.kill()

    async def start_engine(self) -> None:
        """Start the engine, and wait until it knows the application's functions."""
        arguments = ["-m", "tickover", "engine", "--json", "--port", str(self.engine_port), "--retry-interval", "0.5"]
        arguments += ["--database-url", self.dsn, "--app", f"{self.url}/api/inngest", "--call-timeout", "30"]
        arguments += ["--event-key", EVENT_KEY, "--signing-key", SIGNING_KEY]
        self.engine = Child("engine", arguments, _inherited(), self.folder / "engine.log")
        health = f"{self.engine_url}/health"
        await self.engine.answers(health, _STARTS_WITHIN, lambda answer: answer.json().get("functions") == REPLICAS)

    def kill_engine(self) -> None:
        """SIGKILL."""
        if self.engine is not None:
            self.engine.kill()
            self.engine = None

    async def fault(self, kind: str, **options: object) -> None:
        """Let the engine do something wrong from now on."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            answer = await client.post(f"{self.engine_url}/faults", json={"kind": kind, "for_seconds": 60} | options)
        if not answer.is_success:
            raise EnvironmentStateError(f"the engine refuses the fault {kind}: {answer.text}")

    async def clear_faults(self) -> None:
        """Let the engine do everything right again."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            (await client.delete(f"{self.engine_url}/faults")).raise_for_status()

    async def restart_postgres(self, down_s: float) -> None:
        """Shut PostgreSQL down at once, as a crash of its host does, and start it again over the same directory."""
        pid = int((self.servers.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        await asyncio.sleep(down_s)
        await asyncio.to_thread(embedded.start_again, self.servers.data)

    def signal_valkey(self, number: signal.Signals) -> None:
        """Send a signal to Valkey."""
        os.kill(self.valkey_pid, number)


@asynccontextmanager
async def stage(servers: Servers, name: str, own: Mapping[str, str]) -> AsyncIterator[Stage]:
    """A fresh database, Valkey, an engine and two replicas behind a relay; whatever happens, no process is left.

    Args:
        servers: where the database is made.
        name: of the case.
        own: what is different in its replicas' environment.
    """
    folder = servers.folder / name
    folder.mkdir()
    folder.chmod(0o755)
    dsn = await asyncio.to_thread(servers.database, f"drill_{name.replace('-', '_')}")
    environment = {
        "DATABASE_URL": dsn,
        "CRON_SECRET": CRON_SECRET,
        FLAG: "true",
        "INNGEST_EVENT_KEY": EVENT_KEY,
        "INNGEST_SIGNING_KEY": SIGNING_KEY,
        "TICKOVER_SEND_TIMEOUT": "0.5",
        "TICKOVER_LEASE": f"{LEASE_S:g}",
        "TICKOVER_INLINE_BUDGET": f"{INLINE_BUDGET_S:g}",
        "TICKOVER_DURABLE_BUDGET": f"{INLINE_BUDGET_S:g}",
        "TICKOVER_DATABASE_WAIT": "2",
        "TICKOVER_CIRCUIT_REST": "3",
    } | dict(own)
    async with AsyncExitStack() as stack:
        url, pid = _start_valkey(stack, folder)
        found = Stage(servers, dsn, pid, folder, environment | {"REDIS_URL": url})
        stack.push_async_callback(_stop, found)
        await found.relay.start()
        await asyncio.gather(*(found.start_replica(number) for number in range(REPLICAS)))
        await found.start_engine()
        yield found


def _start_valkey(stack: AsyncExitStack, folder: Path) -> tuple[str, int]:
    """Valkey, on a port that was free a moment ago; where somebody was faster, on another."""
    for number in range(_VALKEY_STARTS - 1):
        with suppress(EnvironmentStateError):
            return stack.enter_context(embedded.valkey(folder / f"valkey-{number}"))
    return stack.enter_context(embedded.valkey(folder / "valkey"))


async def _stop(stage: Stage) -> None:
    stage.kill_engine()
    for number in range(REPLICAS):
        stage.kill_replica(number)
    await stage.relay.stop()


def _inherited() -> dict[str, str]:
    """This process's environment, without what would configure the application otherwise."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
