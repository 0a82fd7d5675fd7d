"""Keeps notices up to date beside ticks and looks, and has them delivered. Work is as good without it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tickover import clock
from tickover.contract import Contract, Route
from tickover.errors import WrongEnvironmentError
from tickover.execution.budget import Budget
from tickover.isolation.guard import Gate
from tickover.isolation.redaction import redact, redact_all
from tickover.notices.courier import Courier
from tickover.notices.meaning import explained
from tickover.notices.notice import Concern
from tickover.notices.rules import concerns, decide, scopes
from tickover.notices.store import NoticeStore
from tickover.notices.timing import Timing
from tickover.ticks.findings import Finding

_log = structlog.stdlib.get_logger("tickover.notices")
_DELIVERS_S = 10.0  # seconds that all deliveries of one look may take
_FORGETS_EVERY = 600.0  # seconds, of one process


class Keeper:
    """Looks after the work of a tick or of a look between ticks, at most once a minute for a route.

    A look asks two questions of the database. Only where something began, changed or ended, or is to be sent, there are
    more.

    Args:
        gate: what refuses to change anything in the wrong environment.
        contract: whose routes.
        store: where notices stand.
        courier: what delivers.
        timing: how patient notices are.
        retention: how long notices that ended are kept.
        secrets: what is taken out of every text before it is kept.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        gate: Gate,
        contract: Contract,
        store: NoticeStore,
        courier: Courier,
        timing: Timing,
        retention: timedelta,
        secrets: Mapping[str, str],
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._gate = gate
        self._contract = contract
        self._store = store
        self._courier = courier
        self._timing = timing
        self._retention = retention
        self._secrets = secrets
        self._monotonic = monotonic
        self._looks_at: dict[str, float] = {}
        self._forgets_at = 0.0

    async def keep(self, route: Route, findings: Sequence[Finding], budget: Budget) -> None:
        """Look at a route, and deliver what is due. Never raises.

        Args:
            route: which.
            findings: what is known to be wrong with its rhythm and its responsibilities.
            budget: what is left of the tick's time; deliveries end within it.
        """
        if self._monotonic() < self._looks_at.get(route.id, 0.0):
            return
        self._looks_at[route.id] = self._monotonic() + self._timing.looks_every_s
        try:
            await self._gate.require()
            if await self._look(route, findings):
                await self._courier.deliver(budget.within(_DELIVERS_S))
            await self._forget()
        except WrongEnvironmentError as error:
            _log.warning("notices.refused", environment=error.environment, codes=error.codes)
        except (psycopg.Error, PoolTimeout) as error:
            _log.warning("notices.failed", route=route.id, reason=str(error).partition("\n")[0])
        except Exception:  # noqa: BLE001 - the end of a look: the tick that it stands beside has been carried out
            _log.exception("notices.failed", route=route.id)

    async def _look(self, route: Route, findings: Sequence[Finding]) -> bool:
        """Keep the notices up to date; whether something is to be delivered."""
        now = clock.now()
        around = await self._store.look_around(route, now)
        standing = await self._store.standing(self._courier.names, now)
        seen = [
            self._redacted(explained(concern, self._contract, route, around))
            for concern in concerns([*findings, *around.findings(route.id)], route.id)
        ]
        changes = decide(seen, standing.notices, scopes(route.id), self._timing, now)
        is_told = await self._store.apply(changes, self._courier.names) if changes else False
        for change in changes:
            if change.tells is not None and (about := change.concern or change.before) is not None:
                _log.info(f"notice.{change.tells}", code=about.code, subjects=list(about.subjects), text=about.text)
        return is_told or standing.is_due

    def _redacted(self, concern: Concern) -> Concern:
        """A concern as it may be kept: errors of libraries name what they were given."""
        return replace(
            concern,
            text=redact(concern.text, self._secrets),
            remedy=redact(concern.remedy, self._secrets),
            evidence=redact_all(concern.evidence, self._secrets),
        )

    async def _forget(self) -> None:
        if self._monotonic() < self._forgets_at:
            return
        self._forgets_at = self._monotonic() + _FORGETS_EVERY
        await self._store.forget(self._retention, clock.now())
