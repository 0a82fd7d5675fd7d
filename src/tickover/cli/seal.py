"""`tickover seal`: write into the database and Redis which environment they belong to."""

import asyncio
import json
from typing import Annotated

import typer

from tickover.cli.operator import who
from tickover.database import Database
from tickover.errors import SealError
from tickover.isolation.environment import Environment, resolve
from tickover.isolation.guard import make_guard, wrong_environment
from tickover.isolation.keys import KEYS, fingerprint
from tickover.isolation.sealing import DATABASE, REDIS, Outcome, Wish, seal_stores
from tickover.isolation.seals import Seals
from tickover.settings import Settings, environment, load_settings, redis_url
from tickover.status.link import RedisLink


def seal(
    adopt: Annotated[bool, typer.Option("--adopt", help="The database is a copy; it is to belong here now.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Seal anew whatever belongs elsewhere.")] = False,
    store: Annotated[str, typer.Option(help="Only the `database`, or only `redis`.")] = "both",
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "sealed by hand",
    fingerprints: Annotated[
        bool, typer.Option("--fingerprints", help="Print what others know production's keys by; seal nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Write into PostgreSQL and Redis which environment they belong to. Production's first start does it by itself.

    A process of another environment that finds a seal changes nothing there.
    """
    here = resolve(environment())
    if fingerprints:
        typer.echo(f"TICKOVER_PRODUCTION_KEYS={_fingerprints(here)}")
        return
    if store not in {"both", DATABASE, REDIS}:
        raise typer.BadParameter(f"--store is {DATABASE} or {REDIS}")
    stores = (DATABASE, REDIS) if store == "both" else (store,)
    outcomes = asyncio.run(_seal(load_settings(), Wish(here, stores, who(), reason, adopt=adopt, force=force)))
    if as_json:
        typer.echo(json.dumps({"environment": here.seal, **{o.store: o.sealing for o in outcomes}}))
    else:
        typer.echo("\n".join(_line(outcome, here) for outcome in outcomes))


def _fingerprints(here: Environment) -> str:
    """What production's keys are known by.

    Raises:
        SealError: this is not production, or it has no keys.
    """
    keys = [value for name in KEYS if (value := environment().get(name, "").strip())]
    if not here.is_production:
        raise SealError(f"this is {here} ({here.source}): run it with production's variables, TICKOVER_ENV among them")
    if not keys:
        raise SealError(f"no key is set; run it with production's {', '.join(KEYS)}")
    return ",".join(dict.fromkeys(fingerprint(key) for key in keys))


async def _seal(settings: Settings, wish: Wish) -> list[Outcome]:
    database, redis = Database(settings.database_url, size=1), RedisLink(redis_url(settings), settings.redis_timeout)
    verdict = make_guard(database, redis).offline
    if verdict.is_refused and not wish.force:
        raise wrong_environment(verdict)
    await database.open()
    try:
        return await seal_stores(Seals(database, redis), wish)
    finally:
        await redis.close()
        await database.close()


def _line(outcome: Outcome, here: Environment) -> str:
    if outcome.sealing is None:
        return f"{outcome.store}: not asked, it is away or not configured"
    was = f" (before: {outcome.was})" if outcome.was not in {None, str(here)} else ""
    return f"{outcome.store}: {outcome.sealing}, it belongs to {here}{was}"
