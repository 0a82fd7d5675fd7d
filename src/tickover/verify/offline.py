"""Checks an application before it is deployed: nothing is called or changed, and all faults are told at once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import psycopg
from psycopg_pool import PoolTimeout

from tickover.contract import Contract
from tickover.database import Database
from tickover.errors import ContractError, EnvironmentStateError, TickoverError
from tickover.isolation.contradiction import Contradiction, Severity
from tickover.isolation.guard import make_guard
from tickover.isolation.verdict import Verdict
from tickover.jobs.drain import QueueDrain
from tickover.jobs.queue import JobQueue
from tickover.maintenance.inspection import Finding, inspect, maintained
from tickover.settings import NO_DATABASE, Settings, environment, left_out
from tickover.status.link import RedisLink
from tickover.variables import flag_faults
from tickover.verify.proof.doors import budgets_line
from tickover.verify.proof.lines import Line, failed, passed, skipped, unproven

_PAGE = "set it, or correct it: the page on configuration says what each variable may be"
_WAIT = 3.0  # seconds for a database to answer
_OF_THE_DATABASE = ("migrations", "handlers", "maintenance")
_GIVE_DATABASE = "run it where DATABASE_URL leads to the deployment's database"


class Checked(Protocol):
    """What is looked at of an application.

    Attributes:
        contract: its routes and functions.
        settings: as they were read.
        flags: the value of every route's flag.
    """

    @property
    def contract(self) -> Contract: ...  # noqa: D102 - said above
    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def flags(self) -> Mapping[str, bool]: ...  # noqa: D102


async def check(load: Callable[[], Checked], most_jobs: int | None = None) -> list[Line]:
    """Every line: settings, environment, contract, budgets; jobs and migrations where the database can be reached.

    Args:
        load: imports the application and gives its Tickover object.
        most_jobs: look only at so many jobs of each state, those that come next; None looks at all.
    """
    faults = Settings.faults() | flag_faults(environment())
    settings = [
        failed(f"setting {name}", fault.removeprefix(f"{name} ").removeprefix(f"{name}: "), _PAGE)
        for name, fault in faults.items()
    ]
    verdict, seals = await _verdict(faults)
    lines = settings or [passed("settings", "all are in form")]
    lines += [*_environment(verdict), *([] if seals is None else [seals])]
    found = await asyncio.to_thread(_load, load, faults)
    if isinstance(found, list):
        return [*lines, *found]
    lines += [_contract(found.contract), _door(found.settings), _keys(found, faults), _budgets(found.settings, verdict)]
    return [*lines, *(await _database_lines(found, faults, most_jobs))]


async def _verdict(faults: Mapping[str, str]) -> tuple[Verdict, Line | None]:
    """The verdict, with what the stores say where they can be asked; and a line where they cannot."""
    variables = NO_DATABASE if "DATABASE_URL" in faults else environment()
    redis_url = environment().get("REDIS_URL", "").strip() or None
    database, redis = Database(variables["DATABASE_URL"].strip(), size=1, wait=_WAIT), RedisLink(redis_url, 1.0)
    guard = make_guard(database, redis)
    if "DATABASE_URL" in faults:
        return guard.offline, skipped("seals", "no database to ask", _GIVE_DATABASE)
    await database.open()
    try:
        return (await guard.verdict()), None
    except (psycopg.Error, PoolTimeout):
        return guard.offline, skipped("seals", "the database cannot be reached from here", _GIVE_DATABASE)
    finally:
        await redis.close()
        await database.close()


def _environment(verdict: Verdict) -> list[Line]:
    here = verdict.environment
    lines = [passed("environment", f"{here} ({here.source}); at the engine {verdict.engine_environment!r}")]
    return [*lines, *(_contradiction(found) for found in verdict.contradictions)]


def _contradiction(found: Contradiction) -> Line:
    if found.severity is Severity.WARNING and found.code != "trimmed":
        return skipped(f"environment: {found.code}", found.text, found.remedy)
    return failed(f"environment: {found.code}", found.text, found.remedy)


def _load(load: Callable[[], Checked], faults: Mapping[str, str]) -> Checked | list[Line]:
    """The application, imported without the variables that are malformed and told already; or what is wrong."""
    with left_out(faults, NO_DATABASE):
        try:
            return load()
        except ContractError as error:
            said = [line.removeprefix("- ") for line in str(error).splitlines() if line.startswith("- ")]
            return [failed("contract", text, "mend the declaration: docs/contract.md") for text in said or [str(error)]]
        except TickoverError as error:
            return [failed("application", str(error), "mend what it says, then check again")]


def _contract(contract: Contract) -> Line:
    responsibilities = sum(len(function.responsibilities) for function in contract.functions)
    return passed(
        "contract",
        f"{responsibilities} responsibilities, each carried by one function; {len(contract.functions)} functions, "
        f"each with an event of its own; routes: {', '.join(route.id for route in contract.routes)}",
    )


def _door(settings: Settings) -> Line:
    if settings.cron_secret is None and settings.cron_oidc_audience is None:
        return failed("cron secret", "CRON_SECRET is not set: every tick is answered 401", "set it, there and at cron")
    return passed("cron secret", "set" if settings.cron_secret is not None else "ID tokens are taken instead")


def _keys(tickover: Checked, faults: Mapping[str, str]) -> Line:
    """Whether there is what a route needs whose flag is on."""
    name, settings = "keys", tickover.settings
    if any(route.flag in faults for route in tickover.contract.routes):
        return skipped(name, "nobody can tell which flags are on", "correct the flag first")
    on = [route.flag for route in tickover.contract.routes if tickover.flags[route.flag]]
    needed = {"INNGEST_EVENT_KEY": settings.inngest_event_key, "INNGEST_SIGNING_KEY": settings.inngest_signing_key}
    missing = [key for key, value in needed.items() if value is None]
    if settings.dev_mode or not on:
        return passed(name, "none is needed in dev mode" if settings.dev_mode else "none is needed: no flag is on")
    if missing:
        return failed(name, f"{on[0]} is on, and {' and '.join(missing)} not set", f"set {' and '.join(missing)}")
    return passed(name, "event key and signing key are set")


def _budgets(settings: Settings, verdict: Verdict) -> Line:
    return budgets_line(
        {
            "inlineS": settings.inline_budget,
            "durableS": settings.durable_budget,
            "sendTimeoutS": settings.send_timeout,
            "hostLimitS": settings.host_limit or verdict.environment.limit_s,
        }
    )


async def _database_lines(tickover: Checked, faults: Mapping[str, str], most_jobs: int | None) -> list[Line]:
    if "DATABASE_URL" in faults:
        return [skipped(name, "no database to ask", _GIVE_DATABASE) for name in _OF_THE_DATABASE]
    try:
        migrations = await asyncio.to_thread(_migrations, tickover.settings.database_url)
    except EnvironmentStateError:
        away = "the database cannot be reached from here"
        return [skipped(name, away, _GIVE_DATABASE) for name in _OF_THE_DATABASE]
    return [migrations, await _handlers(tickover, most_jobs), *(await _maintenance(tickover))]


def _migrations(dsn: str) -> Line:
    from tickover.migrations import position  # noqa: PLC0415 - what serves starts without SQLAlchemy and Alembic

    found = position(dsn)
    if found.in_step:
        return passed("migrations", f"the database stands at {found.current}, the newest")
    if not found.is_known:
        seen = f"the database stands at {found.current}, which this version does not know (newest: {found.newest})"
        return failed("migrations", seen, "deploy the version that the database was migrated for, or a newer one")
    seen = f"the database stands at {found.current or 'nothing'}, and this version needs {found.newest}"
    return failed("migrations", seen, "run `tickover migrate` before the deploy")


async def _handlers(tickover: Checked, most_jobs: int | None) -> Line:
    """Whether every kind of job that waits has a handler; a job without one becomes a dead letter."""
    name = "handlers"
    known = {kind for run in _drains(tickover.contract) for kind in run.kinds}
    database = Database(tickover.settings.database_url, size=1, wait=_WAIT)
    await database.open()
    try:
        waiting = await JobQueue(database).kinds(most_jobs)
    except psycopg.errors.UndefinedTable:
        return unproven(name, "there is no job table yet", "run `tickover migrate`, then check again")
    finally:
        await database.close()
    missing = sorted(set(waiting) - known)
    if missing:
        seen = f"jobs of kind {', '.join(missing)} wait, and no handler is declared for them"
        return failed(name, seen, "give queue_drain a handler for each, or let them become dead letters on purpose")
    which = "that waits" if most_jobs is None else f"among the next {most_jobs:,} jobs of each state"
    return passed(name, f"for every kind {which}: {', '.join(waiting) or 'none waits'}")


async def _maintenance(tickover: Checked) -> list[Line]:
    """Whether the tables that are pruned and recovered are there, with the indexes that this needs."""
    tables = maintained(tickover.contract)
    database = Database(tickover.settings.database_url, size=1, wait=_WAIT)
    await database.open()
    try:
        findings = await inspect(database, tables)
    except (psycopg.Error, PoolTimeout) as error:
        seen = f"the database could not be asked for tables and indexes: {type(error).__name__}"
        return [unproven("maintenance", seen, "check again; the database's log says what it refused")]
    finally:
        await database.close()
    if not findings:
        whose = ", ".join(tables) or "no responsibility over tables of your own"
        return [passed("maintenance", f"tables and indexes are there: {whose}")]
    return [_finding(found) for found in findings]


def _finding(found: Finding) -> Line:
    name = f"maintenance: {found.responsibility}"
    if found.statements:
        return skipped(name, found.text, "; ".join(found.statements))
    return failed(name, found.text, "mend the declaration, or run the application's migrations before the deploy")


def _drains(contract: Contract) -> Iterator[QueueDrain]:
    for function in contract.functions:
        for responsibility in function.responsibilities:
            if isinstance(responsibility.run, QueueDrain):
                yield responsibility.run
