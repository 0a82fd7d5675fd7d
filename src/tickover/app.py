"""Tickover: ties a contract to the parts below, and mounts it on an application."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI

from tickover.contract import Contract
from tickover.database import Database
from tickover.engine.client import EngineSender, make_sdk
from tickover.engine.endpoint import make_endpoint
from tickover.engine.functions import DurableFunctions
from tickover.execution.dry import DryRuns
from tickover.execution.executor import Executor
from tickover.heartbeats.pinger import Heartbeats
from tickover.heartbeats.variables import read_heartbeats
from tickover.insight.views import Insight
from tickover.isolation.guard import make_guard
from tickover.isolation.redaction import secrets_in
from tickover.jobs.desk import JobDesk
from tickover.ledger.circuits import Circuits
from tickover.ledger.evidence import Evidence
from tickover.ledger.refusals import Refusals
from tickover.ledger.store import Ledger
from tickover.maintenance.inspection import maintained, report
from tickover.notices.keeper import Keeper
from tickover.notices.making import make_parts
from tickover.notices.notices import Notices
from tickover.rollout.controller import Rollout
from tickover.rollout.controls import Controls, Reads
from tickover.rollout.evidence import RolloutEvidence
from tickover.rollout.rollback import Rollback
from tickover.rollout.shadows import Shadows
from tickover.rollout.version import Version, code_version, contract_version
from tickover.settings import Settings, environment, load_settings, read_flags, redis_url, require_told
from tickover.status.link import RedisLink
from tickover.status.store import StatusStore
from tickover.ticks.breaker import Breaker
from tickover.ticks.circuit import Limits
from tickover.ticks.continuation import Continuation
from tickover.ticks.decision import force_inline_name
from tickover.ticks.dispatch import Dispatcher
from tickover.ticks.handler import TickHandler
from tickover.ticks.housekeeping import Housekeeping
from tickover.ticks.idleness import Idleness
from tickover.ticks.planner import Planner
from tickover.ticks.shadowing import Shadowing
from tickover.ticks.watch import Watch
from tickover.ticks.watchdog import Watchdog
from tickover.web.authentication import make_door
from tickover.web.doorkeeper import Doorkeeper
from tickover.web.mount import mount

if TYPE_CHECKING:
    from openfeature.client import OpenFeatureClient

_log = structlog.stdlib.get_logger("tickover")


def _flags(contract: Contract) -> Iterator[str]:
    """The variables that say how each route's ticks are carried out."""
    for route in contract.routes:
        yield from (route.flag, force_inline_name(route.flag))


def _supplied(controls: Controls, client: "OpenFeatureClient | None") -> Reads:
    """What is set for each function, after the flag service was asked where there is one."""
    if client is None:
        return controls
    from tickover.rollout.openfeature import SuppliedControls  # noqa: PLC0415 - needs the extra `openfeature`

    return SuppliedControls(controls, client)


def _own(settings: Settings | None) -> Settings:
    """The settings that were given, if they lead where the environment does; those of the environment otherwise."""
    if settings is None:
        return load_settings()
    require_told(settings)
    return settings


class Tickover:
    """An application's contract, ready to be carried out.

    Args:
        contract: which cron endpoints there are, what they owe, and which functions carry it.
        app_id: what the engine knows the application by; with another one it is another application there.
        settings: read from the environment where None; keys, stores and the engine have to be the environment's.
        openfeature: a client of OpenFeature, whose flags may say where each function stands; needs the extra.

    Attributes:
        app_id: as given.
        flags: the value of every route's flag and of the variable that beats it.
        database: connections, for the application's own use as well.
        redis: the way to Redis, for the status keys.
        handler: what answers ticks.
        breaker: what knows each route's circuit.
        watch: what settles the overdue between ticks.
        shadows: what the engine was asked to do dry.
        rollout: what moves functions forward.
        rollback: what takes them back.
        insight: the ledger and the queue, as a reader sees them.
        desk: the job queue, as operators see it.
        door: who may fire a tick.
        doorkeeper: what counts the requests that are refused.
        status: each function's newest status.
        guard: what knows whether this process may act where it stands.
        notices: what somebody was told, and whether telling works.
        inspection: looks at the tables that maintenance names, once, beside everything else; None before `open`.
        endpoint: what the engine calls; None where INNGEST_SIGNING_KEY is missing.

    Raises:
        SettingsError: a variable is missing or malformed, a flag is no boolean, or `settings` lead elsewhere than the
            environment does.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        app_id: str,
        settings: Settings | None = None,
        openfeature: "OpenFeatureClient | None" = None,
    ) -> None:
        self.contract = contract
        self.app_id = app_id
        self.settings = settings = _own(settings)
        self.flags: Mapping[str, bool] = read_flags(_flags(contract))
        self.database = Database(settings.database_url, settings.database_pool_size, settings.database_wait)
        self.redis = RedisLink(redis_url(settings), settings.redis_timeout)
        self.guard = make_guard(self.database, self.redis, is_serving=True)
        verdict = self.guard.offline
        self._sender = self._make_sender(verdict.engine_environment)
        ledger = Ledger(self.database, settings.lease)
        self.status = StatusStore(self.redis, ledger, settings.status_ttl, verdict.environment.seal)
        self._heartbeats = Heartbeats(read_heartbeats(contract, environment()), ledger)
        executor = Executor(self.database, ledger, self.status, self._heartbeats)
        dispatcher, refusals = Dispatcher(ledger, self._sender), Refusals(self.database)
        controls, self.shadows = Controls(self.database), self._make_shadows(verdict.environment.seal)
        watchdog = Watchdog(contract, ledger, refusals, executor)
        self.breaker = self._make_breaker()
        self.rollback = Rollback(controls, ledger, RolloutEvidence(self.database))
        self.rollout = Rollout(contract, controls, self.rollback, goes_back=settings.auto_rollback)
        self.insight = Insight(self.database)
        self.desk = JobDesk(self.database, self.guard)
        housekeeping = self._make_housekeeping(ledger)
        self.notices, keeper = self._make_notices(f"{app_id}, {verdict.environment}")
        self.watch = Watch(self.guard, contract, watchdog, self.breaker, housekeeping, keeper, settings.inline_budget)
        self.door, self.doorkeeper = make_door(settings), Doorkeeper(refusals, self.guard)
        planner = Planner(self.guard, self.flags, _supplied(controls, openfeature), Idleness(self.database))
        self.handler = self._make_handler(planner, ledger, dispatcher, executor, watchdog, housekeeping, keeper)
        functions = self._make_functions(executor, controls, ledger, dispatcher)
        self.endpoint = make_endpoint(self._sender.sdk, functions, settings, verdict.serve_origin)
        self._announced = False
        self.inspection: asyncio.Task[None] | None = None

    def _make_sender(self, engine_environment: str) -> EngineSender:
        make = partial(make_sdk, self.app_id, self.settings, engine_environment)
        return EngineSender(make, self.settings, self.guard, secrets_in(environment()))

    def _make_breaker(self) -> Breaker:
        rest = timedelta(seconds=self.settings.circuit_rest)
        return Breaker(Circuits(self.database), Limits(self.settings.circuit_after, rest))

    def _make_handler(
        self,
        planner: Planner,
        ledger: Ledger,
        dispatcher: Dispatcher,
        executor: Executor,
        watchdog: Watchdog,
        housekeeping: Housekeeping,
        keeper: Keeper,
    ) -> TickHandler:
        return TickHandler(
            planner=planner,
            ledger=ledger,
            dispatcher=dispatcher,
            shadowing=Shadowing(self.shadows, self._sender),
            executor=executor,
            watchdog=watchdog,
            breaker=self.breaker,
            housekeeping=housekeeping,
            keeper=keeper,
            send_timeout=self.settings.send_timeout,
            inline_budget=self.settings.inline_budget,
        )

    def _make_housekeeping(self, ledger: Ledger) -> Housekeeping:
        keep = timedelta(days=self.settings.ledger_retention_days)
        return Housekeeping(ledger, Evidence(self.database), self.rollout, keep, self.desk.bulk, self.insight.samples)

    def _make_notices(self, place: str) -> tuple[Notices, Keeper]:
        keep, secrets = timedelta(days=self.settings.ledger_retention_days), secrets_in(environment())
        parts = make_parts(self.database, self.settings, place, secrets)
        keeper = Keeper(self.guard, self.contract, parts.store, parts.courier, parts.timing, keep, secrets)
        return Notices(parts.store, parts.courier, self.guard), keeper

    def _make_functions(
        self, executor: Executor, controls: Controls, ledger: Ledger, dispatcher: Dispatcher
    ) -> DurableFunctions:
        continuation = Continuation(self.contract, controls, ledger, dispatcher, self.settings.max_continuations)
        dry_runs = DryRuns(self.database, self.shadows)
        return DurableFunctions(self.contract, executor, continuation, dry_runs, self.settings.durable_budget)

    def _make_shadows(self, environment_name: str) -> Shadows:
        version = Version(environment_name, contract_version(self.contract), code_version(environment()))
        return Shadows(self.database, version)

    def mount(self, app: FastAPI) -> None:
        """Serve the cron endpoints, the engine's endpoint and the status on a FastAPI application."""
        mount(app, self)

    async def open(self) -> None:
        """Open what needs the event loop. Safe to call again: hosts without a lifespan do so on each request."""
        await self.database.open()
        self.desk.runner.open()
        if not self._announced:
            self._announced = True
            self._announce()
            await self.guard.start()
            tables = maintained(self.contract)
            if tables:  # nobody waits for it
                self.inspection = asyncio.create_task(report(self.database, tables))

    async def close(self) -> None:
        """Give all connections back."""
        if self.inspection is not None:
            self.inspection.cancel()
            await asyncio.gather(self.inspection, return_exceptions=True)
        await self.desk.runner.close()
        await self._sender.close()
        await self._heartbeats.close()
        await self.redis.close()
        await self.database.close()

    def _announce(self) -> None:
        if self.settings.cron_secret is None and self.settings.cron_oidc_audience is None:
            _log.error("setting.missing", variable="CRON_SECRET", effect="every tick is answered 401")
        if self.endpoint is None:
            _log.error("setting.missing", variable="INNGEST_SIGNING_KEY", effect="the engine's calls are answered 503")
        _log.info("tickover.opened", flags=self.flags, engine=self.settings.engine_url or "inngest cloud")
