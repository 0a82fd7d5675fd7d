"""A local run, from the first server to the last: `tickover up`."""

import asyncio
import getpass
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.markup import escape

from tickover import clock, embedded
from tickover.database import Database
from tickover.engine import PATH
from tickover.engine.sync import sync
from tickover.errors import EnvironmentStateError
from tickover.isolation.own import require_own
from tickover.ledger.store import Ledger
from tickover.migrations import CORE, migrate
from tickover.outreach.replayer import replay
from tickover.outreach.samples import load_samples
from tickover.outreach.schema import OUTREACH
from tickover.settings import Settings, read_flags
from tickover.stack.cron import Cron
from tickover.stack.directory import Directory
from tickover.stack.lines import Lines
from tickover.stack.processes import Child, require_free
from tickover.waiting import within
from tickover.web.access.door import make_dashboard_door
from tickover.web.access.links import one_time_link
from tickover.web.access.people import Person, Role

# What other commands look into a run with; `tickover diagnose` asks the engine, for which it needs the keys.
_FOR_OTHER_COMMANDS = (
    "DATABASE_URL",
    "REDIS_URL",
    "TICKOVER_APP",
    "INNGEST_BASE_URL",
    "INNGEST_DEV",
    "INNGEST_EVENT_KEY",
    "INNGEST_SIGNING_KEY",
    "INNGEST_SERVE_ORIGIN",
    "CRON_SECRET",
    "TICKOVER_OPERATOR_TOKEN",
    "TICKOVER_DASHBOARD_PATH",
)
_START_TIMEOUT = 30.0
_PATIENCE = 120.0  # seconds a tick is followed before its line is printed as it stands
_LONG = 15.0  # seconds after which it is told that a tick has not ended
_LAST_WORDS = 5.0  # seconds that ticks under way get to end after Ctrl-C
_MESSAGE_EVERY = 2.0  # seconds between messages that keep arriving
FLAG = "BACKGROUND_JOBS_USE_INNGEST"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Args:
        directory: where everything is kept.
        every: seconds between ticks, at least 1.
        ticks: ticks after which it ends by itself; None for ever.
        engine: whether a local engine is started where no Inngest server is configured.
        port: the application's.
        engine_port: the local engine's.
    """

    directory: Path
    every: int
    ticks: int | None
    engine: bool
    port: int
    engine_port: int


class LocalRun:
    """One local run.

    Args:
        options: how.
        lines: where it says what happens.
        environ: the environment it was started in; what is configured there is used instead of the embedded.
    """

    def __init__(self, options: Options, lines: Lines, environ: Mapping[str, str]) -> None:
        self._options = options
        self._lines = lines
        self._directory = Directory(options.directory)
        self._environment = {name: value for name, value in environ.items() if value.strip()}
        self._engine_is_configured = bool({"INNGEST_BASE_URL", "INNGEST_DEV"} & self._environment.keys())
        self._starts_engine = options.engine and not self._engine_is_configured
        self._url = f"http://127.0.0.1:{options.port}"
        self._pids: dict[str, int] = {}
        self._children: dict[str, Child] = {}
        self._stop = asyncio.Event()

    async def run(self) -> bool:
        """Start everything, play cron, stop everything. Whether every obligation of every tick was carried out.

        Raises:
            EnvironmentStateError: something stands in the way; says what to do.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        with self._directory.held():
            self._clear_the_way()
            async with AsyncExitStack() as stack:
                succeeded = await self._play(await self._start(stack), stack)
                self._lines.say("stopping", "[dim]stopping[/]")
            self._directory.forget()
        return succeeded

    def _clear_the_way(self) -> None:
        left = self._directory.end_former_run()
        if left:
            names = ", ".join(left)
            self._lines.say("recovered", f"a former run was killed; ended what it left: {names}", ended=left)
        require_free(self._options.port, "--port")
        if self._starts_engine:
            require_free(self._options.engine_port, "--engine-port")

    async def _start(self, stack: AsyncExitStack) -> Database:
        """Start servers, migrate, load the data, start the application and the engine."""
        self._lines.say("starting", "[dim]starting the servers, loading the data[/]")
        self._start_servers(stack)
        self._configure()
        settings = self._settings()
        await require_own(settings.database_url)
        for history in (CORE, OUTREACH):
            await asyncio.to_thread(migrate, settings.database_url, history)
        database = Database(settings.database_url, size=4)
        stack.push_async_callback(database.close)
        await database.open()
        await load_samples(database)
        self._lines.say("starting", "[dim]starting the application and the engine[/]")
        await self._start_application(stack)
        if self._starts_engine:
            await self._start_engine(stack, settings.database_url)
        if self._starts_engine or self._engine_is_configured:
            await self._sync()
        self._say_started()
        return database

    def _start_servers(self, stack: AsyncExitStack) -> None:
        """Start the embedded servers for which nothing is configured."""
        if "DATABASE_URL" not in self._environment:
            self._environment["DATABASE_URL"] = stack.enter_context(embedded.postgres(self._directory.postgres))
        if "REDIS_URL" not in self._environment:
            url, pid = stack.enter_context(embedded.valkey(self._directory.valkey))
            self._environment["REDIS_URL"] = url
            self._remember("valkey", pid)

    def _configure(self) -> None:
        """Complete the environment of the application; what is set already stays."""
        keys = self._directory.keys()
        defaults = {"CRON_SECRET": keys.cron_secret, FLAG: "true", "INNGEST_SERVE_ORIGIN": self._url}
        defaults["TICKOVER_OPERATOR_TOKEN"] = keys.operator_token
        defaults["TICKOVER_APP"] = "tickover.outreach.app:tickover"
        if not self._engine_is_configured:
            defaults |= {
                "INNGEST_BASE_URL": f"http://127.0.0.1:{self._options.engine_port}",
                "INNGEST_EVENT_KEY": keys.event_key,
                "INNGEST_SIGNING_KEY": keys.signing_key,
            }
        self._environment = defaults | self._environment

    def _settings(self) -> Settings:
        os.environ.update(self._environment)  # so that this process reads the same settings as the application
        read_flags([FLAG])
        return Settings.read()

    async def _start_application(self, stack: AsyncExitStack) -> None:
        arguments = ["-m", "uvicorn", "tickover.outreach.app:app", "--host", "127.0.0.1"]
        arguments += ["--port", str(self._options.port), "--no-access-log", "--log-level", "warning"]
        app = self._child("application", arguments, stack)
        await app.answers(f"{self._url}/health", _START_TIMEOUT, lambda answer: answer.is_success)

    async def _start_engine(self, stack: AsyncExitStack, dsn: str) -> None:
        keys = self._environment["INNGEST_EVENT_KEY"], self._environment["INNGEST_SIGNING_KEY"]
        arguments = ["-m", "tickover", "engine", "--port", str(self._options.engine_port), "--database-url", dsn]
        arguments += ["--event-key", keys[0], "--signing-key", keys[1], "--app", f"{self._url}/api/inngest"]
        engine = self._child("engine", arguments, stack)
        health = f"http://127.0.0.1:{self._options.engine_port}/health"
        await engine.answers(health, _START_TIMEOUT, lambda answer: answer.is_success)

    async def _sync(self) -> None:
        """Have the application register its functions with the engine, as a deployment does."""
        key = None if "INNGEST_DEV" in self._environment else self._environment.get("INNGEST_SIGNING_KEY")
        answer = await sync(f"{self._url}{PATH}", key, clock.now())
        if not answer.is_registered:
            trouble = f"{answer.status or 'no answer'}: {answer.said}"
            text = f"the application is not synced with the engine, which cannot call it: {escape(trouble)}"
            self._lines.say("not synced", f"[yellow]{text}[/]", reason=trouble)

    def _child(self, name: str, arguments: list[str], stack: AsyncExitStack) -> Child:
        child = Child(name, arguments, self._environment, self._directory.log(name))
        stack.push_async_callback(child.stop)
        self._children[name] = child
        self._remember(name, child.pid)
        return child

    def _remember(self, name: str, pid: int) -> None:
        self._pids[name] = pid
        shown = {key: value for key, value in self._environment.items() if key in _FOR_OTHER_COMMANDS}
        self._directory.remember(self._pids, shown)

    def _say_started(self) -> None:
        settings = Settings.read()
        person, tokens = Person(getpass.getuser(), Role.OPERATOR), make_dashboard_door(settings).tokens
        link = one_time_link(self._url, settings.dashboard_path, person, tokens, clock.now())
        engine = f"pid {self._pids['engine']}" if "engine" in self._pids else "not started here"
        flag = self._environment[FLAG]
        self._lines.say(
            "started",
            f"application [cyan]{self._url}[/] (pid {self._pids['application']}) · engine "
            f"[cyan]{self._environment.get('INNGEST_BASE_URL', 'dev server')}[/] ({engine})\n"
            f"{FLAG}={flag} · a tick every {self._options.every} s · logs in {self._directory.path}/logs · "
            f"Ctrl-C stops everything\ndashboard (once, within 15 min; then `tickover dashboard`): {link}",
            dashboard=link,
            application=self._url,
            engine=self._environment.get("INNGEST_BASE_URL"),
            pids=self._pids,
            flag=flag,
        )

    async def _play(self, database: Database, stack: AsyncExitStack) -> bool:
        """Fire a tick at each interval and print it when it has ended; new messages keep arriving meanwhile."""
        replayer = asyncio.create_task(replay(database, every=_MESSAGE_EVERY, stop=self._stop))
        stack.push_async_callback(self._end, replayer)
        ledger = Ledger(database, lease_s=_START_TIMEOUT)
        url = f"{self._url}/api/cron/background-jobs"
        cron = Cron(url, self._environment["CRON_SECRET"], ledger, _PATIENCE)
        ticks: list[asyncio.Task[bool]] = []
        while self._options.ticks is None or len(ticks) < self._options.ticks:
            number = len(ticks) + 1
            ticks.append(asyncio.create_task(self._tick(cron, number, clock.now())))
            if number != self._options.ticks and await self._interrupted(self._options.every):
                break
        until: list[asyncio.Future[Any]] = [asyncio.create_task(self._stop.wait()), asyncio.gather(*ticks)]
        await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        until[0].cancel()
        _, followed = await asyncio.wait(ticks, timeout=_LAST_WORDS)
        for task in followed:
            task.cancel()  # it would go on asking a database that is about to close
        if followed:
            await asyncio.wait(followed)
        return not followed and all(task.result() for task in ticks)

    async def _tick(self, cron: Cron, number: int, at: datetime) -> bool:
        long = asyncio.get_running_loop().call_later(_LONG, self._lines.under_way, number, at, _LONG)
        try:
            result = await cron.tick(at)
        finally:
            long.cancel()
        self._lines.tick(number, result)
        return result.succeeded

    async def _interrupted(self, seconds: float) -> bool:
        """Wait so long, or until the run is to stop, or the application has ended."""
        ends = clock.monotonic() + seconds
        while clock.monotonic() < ends and not self._stop.is_set():
            self._watch_children()
            await within(min(0.5, max(0.0, ends - clock.monotonic())), self._stop)
        return self._stop.is_set()

    def _watch_children(self) -> None:
        """Say it when the engine has ended, and end the run when the application has.

        Raises:
            EnvironmentStateError: the application has ended.
        """
        application, engine = self._children["application"], self._children.get("engine")
        if application.exit_code is not None:
            raise EnvironmentStateError(f"the application ended ({application.exit_code}); see {application.log}")
        if engine is not None and engine.exit_code is not None:
            self._lines.say("engine ended", "[yellow]the engine has ended; ticks fall back from now on[/]")
            del self._children["engine"]

    async def _end(self, replayer: asyncio.Task[None]) -> None:
        self._stop.set()
        await replayer
