"""Stands before everything that changes, sends or syncs: the right environment, or no effect (invariant 5)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tickover import clock
from tickover.database import Database
from tickover.errors import WrongEnvironmentError
from tickover.isolation.contradiction import Contradiction, Severity
from tickover.isolation.environment import Environment, resolve
from tickover.isolation.seal import Sealing, Store
from tickover.isolation.seals import Order, Seals
from tickover.isolation.verdict import Facts, Verdict, judge
from tickover.settings import VARIABLES, environment
from tickover.status.link import RedisLink

_log = structlog.stdlib.get_logger("tickover.isolation")
_LOOKS_EVERY = 10.0  # seconds; a store that is sealed meanwhile is noticed after so long at the latest
_FIRST_LOOK = 3.0  # seconds that the look at the start may take, whatever it finds
_LEVELS = {Severity.ERROR: "error", Severity.WITHHELD: "warning", Severity.WARNING: "warning"}


class Gate(Protocol):
    """Lets through who may act."""

    async def require(self) -> Verdict:
        """The verdict, under which things may be changed here.

        Raises:
            WrongEnvironmentError: nothing may.
        """
        ...


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables a verdict is made from.

    Args:
        all: those of the process, as they came.
        watched: those whose blanks are told of.
    """

    all: Mapping[str, str]
    watched: Mapping[str, str]


class Guard:
    """Knows whether this process may act. The stores are asked again every ten seconds at most.

    Args:
        environment: of the process.
        variables: what else the verdict is made from.
        seals: what the stores say.
        is_serving: whether this is the application itself, which says what speaks against acting, and in production
            seals what nobody has sealed; who only looks does neither.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        environment: Environment,
        variables: Variables,
        seals: Seals,
        *,
        is_serving: bool = False,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.environment = environment
        self._variables = variables
        self._seals = seals
        self._is_serving = is_serving
        self._monotonic = monotonic
        self._verdict: Verdict | None = None
        self._looks_at = 0.0
        self._looking = asyncio.Lock()
        self._said: set[Contradiction] = set()

    @property
    def offline(self) -> Verdict:
        """The verdict that follows from the variables alone."""
        return judge(Facts(self.environment, self._variables.all, self._variables.watched))

    async def verdict(self) -> Verdict:
        """The verdict, with what the stores say of themselves.

        Raises:
            psycopg.Error: the database cannot be reached.
            psycopg_pool.PoolTimeout: likewise.
        """
        verdict = self._fresh()
        if verdict is not None:
            return verdict
        async with self._looking:
            return self._fresh() or await self._look()

    async def require(self) -> Verdict:
        """The verdict, under which things may be changed here.

        Raises:
            WrongEnvironmentError: nothing may; it carries every contradiction.
            psycopg.Error: the database cannot be reached.
            psycopg_pool.PoolTimeout: likewise.
        """
        verdict = await self.verdict()
        if verdict.is_refused:
            raise wrong_environment(verdict)
        return verdict

    async def start(self) -> None:
        """Say at the start where this is, and what speaks against acting; a database that is away delays nobody."""
        try:
            async with asyncio.timeout(_FIRST_LOOK):
                verdict = await self.verdict()
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            verdict = self.offline
            self._say(verdict)
            _log.warning("seals.unread", reason=type(error).__name__, effect="the first tick looks again")
        environment = verdict.environment
        _log.info(
            "environment.resolved",
            kind=str(environment.kind),
            name=environment.name,
            source=environment.source,
            engine_environment=verdict.engine_environment,
            serve_origin=verdict.serve_origin,
            refused=verdict.is_refused,
        )

    def _fresh(self) -> Verdict | None:
        return self._verdict if self._monotonic() < self._looks_at else None

    async def _look(self) -> Verdict:
        database, redis = await self._seals.read()
        facts = Facts(self.environment, self._variables.all, self._variables.watched, database, redis)
        verdict = judge(facts)
        if self._is_serving and self.environment.is_production and not verdict.is_refused:
            await self._seal(database, redis)
        self._say(verdict)
        self._verdict, self._looks_at = verdict, self._monotonic() + _LOOKS_EVERY
        return verdict

    async def _seal(self, database: Store, redis: Store) -> None:
        """Production seals what nobody has sealed."""
        order = Order(self.environment, Sealing.SEALED, "production's first start", "the store was not sealed")
        if database.is_ready and database.seal is None and await self._seals.seal_database(order, database):
            _log.info("store.sealed", store="database", environment=str(self.environment))
        if redis.is_known and redis.seal is None and await self._seals.seal_redis(order, redis):
            _log.info("store.sealed", store="redis", environment=str(self.environment))

    def _say(self, verdict: Verdict) -> None:
        """Log each contradiction once, for as long as it lasts."""
        if not self._is_serving:
            return
        found = set(verdict.contradictions)
        for contradiction in verdict.contradictions:
            if contradiction not in self._said:
                say = getattr(_log, _LEVELS[contradiction.severity])
                say(
                    "environment.contradiction",
                    code=contradiction.code,
                    severity=str(contradiction.severity),
                    text=contradiction.text,
                    remedy=contradiction.remedy,
                )
        self._said = found


def make_guard(database: Database, redis: RedisLink, *, is_serving: bool = False) -> Guard:
    """The guard of this process, from its variables.

    Args:
        database: the ledger's; opened before the guard is asked.
        redis: the way to that of the status keys.
        is_serving: whether this is the application itself.
    """
    variables = dict(environment())
    watched = {name: variables[name] for name in VARIABLES if name in variables}
    return Guard(resolve(variables), Variables(variables, watched), Seals(database, redis), is_serving=is_serving)


def make_seal_guard(database: Database, redis: RedisLink) -> Guard:
    """A guard that knows where this process stands and what the stores say of themselves, and no key or secret.

    Args:
        database: the ledger's; opened before the guard is asked.
        redis: the way to that of the status keys.
    """
    return Guard(resolve(environment()), Variables({}, {}), Seals(database, redis))


def wrong_environment(verdict: Verdict) -> WrongEnvironmentError:
    """The error of a verdict under which nothing may be changed."""
    return WrongEnvironmentError(str(verdict.environment), [found.as_json() for found in verdict.contradictions])
