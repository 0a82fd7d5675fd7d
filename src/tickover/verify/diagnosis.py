"""Gathers what is known of a tick, walks the chain, and names the first broken link."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tickover import clock
from tickover.contract import Route
from tickover.engine import CLOUD, PATH
from tickover.errors import EnvironmentStateError
from tickover.ledger.evidence import Evidence
from tickover.ledger.facts import Refusal
from tickover.ledger.refusals import Refusals
from tickover.settings import Settings, untrimmed
from tickover.ticks.circuit import Circuit
from tickover.ticks.findings import Finding, refused
from tickover.ticks.housekeeping import examine
from tickover.verify.chain import walk, walk_without_tick
from tickover.verify.engine_api import EngineApi
from tickover.verify.facts import Deployment, EngineFacts, Facts, StatusFacts, TickRow
from tickover.verify.links import Link, first_broken
from tickover.verify.own_endpoint import Answer, ask
from tickover.verify.records import LOOKED_AT, Records

if TYPE_CHECKING:
    from tickover.web.served import Served

_SILENT = "ticks-missing"
_CLOSE = 5  # keys that are named beside an unknown one


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found about a tick.

    Args:
        tick: the tick; None where none came, since cron is refused.
        why: why this one was looked at.
        links: the chain.
        circuits: each route's way to the engine.
        findings: what else is wrong.
    """

    tick: TickRow | None
    why: str
    links: Sequence[Link]
    circuits: dict[str, Circuit]
    findings: Sequence[Finding]

    @property
    def broken(self) -> Link | None:
        """The first broken link, which is the answer; None where none is."""
        return first_broken(self.links)


async def diagnose(tickover: "Served", dispatch_key: str | None) -> Diagnosis:
    """Walk the chain of a tick.

    Args:
        tickover: the application, opened.
        dispatch_key: of the tick; None for the newest that did not go well.

    Raises:
        EnvironmentStateError: there is no tick of that key, or none at all; says what to do.
    """
    records = Records(tickover.database)
    routes = tickover.contract.routes
    refusals = await Refusals(tickover.database).going_on()
    findings = [*refused(refusals)]
    for route in routes:
        findings += await examine(Evidence(tickover.database), route, clock.now())
    circuits = {route.id: (await tickover.breaker.look(route.id)).circuit for route in routes}
    if dispatch_key is None and await _is_kept_out(records, routes, refusals, findings):
        why = "no tick comes: cron is refused"
        return Diagnosis(None, why, walk_without_tick(refusals), circuits, findings)
    tick, why = await _choose(records, [route.id for route in routes], dispatch_key)
    facts = await _gather(tickover, records, tick, refusals)
    return Diagnosis(tick, why, walk(facts), circuits, findings)


async def chain_of(tickover: "Served", dispatch_key: str, *, asks: bool) -> list[Link]:
    """The chain of one tick; empty where none of that key was recorded.

    Args:
        tickover: the application, opened.
        dispatch_key: of the tick.
        asks: whether the engine and the application's own endpoint are asked too, which takes their time.
    """
    records = Records(tickover.database)
    tick = await records.tick(dispatch_key)
    if tick is None:
        return []
    refusals = await Refusals(tickover.database).going_on()
    return walk(await _gather(tickover, records, tick, refusals, asks=asks))


async def _is_kept_out(
    records: Records, routes: Sequence[Route], refusals: Sequence[Refusal], findings: Sequence[Finding]
) -> bool:
    """Whether cron is refused, and no tick has come since when one was due."""
    kept_out = [refusal for refusal in refusals if refusal.endpoint == "cron"]
    if not kept_out:
        return False
    keys = await records.newest_keys([route.id for route in routes])
    newest = await records.tick(keys[0]) if keys else None
    if newest is None:
        return True
    return newest.requested_at < kept_out[0].last_at and any(finding.code == _SILENT for finding in findings)


async def _choose(records: Records, routes: Sequence[str], dispatch_key: str | None) -> tuple[TickRow, str]:
    """The tick to look at, and why it is that one.

    Raises:
        EnvironmentStateError: there is none.
    """
    keys = await records.newest_keys(routes) if dispatch_key is None else []
    troubled = await records.newest_troubled(routes) if dispatch_key is None else None
    wanted = dispatch_key or troubled or (keys[0] if keys else None)
    if wanted is None:
        raise EnvironmentStateError(
            f"no tick was recorded yet: let cron call /api/cron/{routes[0]} with CRON_SECRET, and check DATABASE_URL "
            "if it does"
        )
    tick = await records.tick(wanted)
    if tick is None:
        raise EnvironmentStateError(await _unknown(records, routes, wanted))
    if dispatch_key is not None:
        return tick, "this tick was asked for"
    went_well = f"of the newest {LOOKED_AT} ticks all went well; this is the newest"
    return tick, "the newest tick that did not go well" if troubled else went_well


async def _unknown(records: Records, routes: Sequence[str], wanted: str) -> str:
    keys = await records.newest_keys(routes)
    ends = [key for key in keys if key.endswith(wanted)]
    close = [*ends, *get_close_matches(wanted, keys, n=_CLOSE)][:_CLOSE] or keys[:_CLOSE]
    known = f"; there are {', '.join(dict.fromkeys(close))}" if close else "; none was recorded yet"
    return f"no tick {wanted!r} is recorded{known}"


async def _gather(
    tickover: "Served", records: Records, tick: TickRow, refusals: Sequence[Refusal], *, asks: bool = True
) -> Facts:
    """Everything that is known of a tick; the engine, Redis and the application are asked at the same time."""
    settings = tickover.settings
    obligations, runs, engine, endpoint, status = await asyncio.gather(
        records.obligations(tick.dispatch_key),
        records.responsibilities(tick.dispatch_key),
        _ask_engine(tickover, tick, asks=asks),
        ask(_served_at(settings) if asks else None, _signing_key(settings), clock.now()),
        _read_status(tickover, tick.client_id),
    )
    return Facts(
        clock.now(),
        tick,
        [function for function in tickover.contract.functions if function.id in {row.function for row in obligations}],
        {row.function: row for row in obligations},
        runs,
        refusals,
        _deployment(tickover, endpoint),
        engine,
        status,
    )


async def _ask_engine(tickover: "Served", tick: TickRow, *, asks: bool) -> EngineFacts:
    settings = tickover.settings
    url = settings.engine_url or CLOUD
    if not asks:
        return EngineFacts(url, "the engine was not asked")
    if not tick.event_ids:
        return EngineFacts(url, "no event of this tick is known to have been accepted")
    key = _signing_key(settings)
    if key is None and not settings.dev_mode:
        return EngineFacts(url, "INNGEST_SIGNING_KEY is not set here, and the engine tells nothing without it")
    async with EngineApi(url, key, settings.inngest_env) as api:
        return await api.tell(tickover.app_id, tick.event_ids)


def _served_at(settings: Settings) -> str | None:
    return None if settings.inngest_serve_origin is None else f"{settings.inngest_serve_origin}{PATH}"


def _signing_key(settings: Settings) -> str | None:
    return None if settings.inngest_signing_key is None else settings.inngest_signing_key.get_secret_value()


def _deployment(tickover: "Served", endpoint: Answer) -> Deployment:
    settings = tickover.settings
    needed = {"INNGEST_EVENT_KEY": settings.inngest_event_key, "INNGEST_SIGNING_KEY": settings.inngest_signing_key}
    missing = [] if settings.dev_mode else [name for name, value in needed.items() if value is None]
    return Deployment(
        tickover.app_id,
        settings.dev_mode,
        settings.engine_url,
        _served_at(settings),
        missing,
        untrimmed(),
        endpoint.text,
        endpoint.has_signing_key,
    )


async def _read_status(tickover: "Served", client_id: str | None) -> StatusFacts:
    source, statuses = await tickover.status.read(client_id, [f.id for f in tickover.contract.functions])
    if tickover.settings.redis_url is None:
        source = "none"
    started = {name: datetime.fromisoformat(status["startedAt"]) for name, status in statuses.items()}
    return StatusFacts(source, started, tickover.settings.status_ttl)
