"""`tickover rollback`: back to inline, without a deploy."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from tickover import telemetry
from tickover.cli.application import AppOption, load_contract
from tickover.cli.operator import who
from tickover.database import Database
from tickover.errors import ControlError
from tickover.isolation.own import require_own
from tickover.ledger.store import Ledger
from tickover.rollout.controls import Controls
from tickover.rollout.evidence import InFlight, RolloutEvidence, TakenOver
from tickover.rollout.rollback import INLINE_TICKS, Rollback, RolledBack, Settling

_EVERY = 0.25  # seconds between looks
_NO_LEASE = 0.0  # seconds; nothing is claimed here
_console = Console(highlight=False, soft_wrap=True)


def rollback(
    function: Annotated[str | None, typer.Argument(help="Only this function; all of them by default.")] = None,
    why: Annotated[str, typer.Option(help="Why, for the audit and for whoever looks.")] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is seen to have worked.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait at most; the rollback stands.")] = 600.0,
    database_url: Annotated[str, typer.Option(envvar="DATABASE_URL", help="PostgreSQL connection URI.")] = "",
    application: AppOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Back to inline: from the next tick on, in every replica, until somebody releases it.

    Needs nothing but DATABASE_URL. Then it waits until the engine's runs in flight have ended or lost their lease, and
    two ticks were carried out inline to a good end. Exit code 1 where that was not seen in time.
    """
    if not why.strip():
        raise typer.BadParameter("say --why: it is kept, and shown to whoever finds the function inline")
    if not database_url.strip():
        raise typer.BadParameter("set DATABASE_URL, or give --database-url")
    asyncio.run(require_own(database_url.strip(), by_seal_alone=True))
    known = None if not application else [f.id for f in load_contract(application).functions]
    telemetry.configure_logs(json=False, level=logging.CRITICAL)  # what was done is told by the answer
    database = Database(database_url.strip(), size=2)
    seconds = None if no_wait else timeout
    if not asyncio.run(_rollback(database, known, function, why, seconds, as_json=as_json)):
        raise typer.Exit(1)


async def _rollback(
    database: Database,
    known: Sequence[str] | None,
    function: str | None,
    why: str,
    timeout_s: float | None,
    *,
    as_json: bool,
) -> bool:
    await database.open()
    try:
        ledger = Ledger(database, _NO_LEASE)
        back = Rollback(Controls(database), ledger, RolloutEvidence(database))
        functions = _chosen(function, await ledger.functions() if known is None else known)
        rolled_back = await back.roll_back(functions, who(), why)
        if not as_json:
            _say_set(rolled_back)
        settling = None if timeout_s is None else await _wait(back, rolled_back, timeout_s, as_json=as_json)
        if as_json:
            _console.print(json.dumps(_as_json(rolled_back, settling)), markup=False)
        elif settling is not None:
            _say_settled(rolled_back, settling)
    finally:
        await database.close()
    return settling is None or settling.is_settled


def _chosen(function: str | None, known: Sequence[str]) -> Sequence[str]:
    if not known:
        raise ControlError("no tick was ever recorded here, so there is nothing to roll back: check DATABASE_URL")
    if function is None:
        return known
    if function not in known:
        raise ControlError(f"there is no function {function!r}; there are {', '.join(known)}")
    return [function]


async def _wait(back: Rollback, rolled_back: RolledBack, timeout_s: float, *, as_json: bool) -> Settling:
    """Look until it is settled or the time is over; says what is waited for, whenever that changes."""
    said = None
    loop = asyncio.get_running_loop()
    ends = loop.time() + timeout_s
    while True:
        settling = await back.settling(rolled_back)
        if settling.is_settled or loop.time() >= ends:
            return settling
        waiting = _waiting(settling)
        if waiting != said and not as_json:
            _console.print(f"[dim]waiting for {escape(waiting)}[/]")
            said = waiting
        await asyncio.sleep(_EVERY)


def _waiting(settling: Settling) -> str:
    runs = [f"{count} of {function}" for function, count in settling.running.items() if count]
    ticks = [f"{count} of {INLINE_TICKS} for {f}" for f, count in settling.inline.items() if count < INLINE_TICKS]
    parts = [f"runs of the engine to end: {', '.join(runs)}"] if runs else []
    parts += [f"inline ticks: {', '.join(ticks)}"] if ticks else []
    return "; ".join(parts)


def _say_set(rolled_back: RolledBack) -> None:
    for function in rolled_back.controls:
        _console.print(f"[green]{escape(function)}[/] is inline from the next tick on, and held there")
    if rolled_back.withdrawn:
        text = "accepted events do nothing when they wake up: the next tick does their work"
        _console.print(f"{rolled_back.withdrawn} {text}")
    for obligation in rolled_back.half_done:
        _console.print(f"half done: {escape(_half_done(obligation))}")


def _half_done(obligation: InFlight) -> str:
    done = ", ".join(obligation.done) or "nothing yet"
    return f"{obligation.function} of {obligation.dispatch_key}: the engine has done {done}"


def _say_settled(rolled_back: RolledBack, settling: Settling) -> None:
    before = {obligation.id: obligation for obligation in rolled_back.half_done}
    for taken in settling.taken_over:
        for line in _taken_over(taken, before[taken.id].done):
            _console.print(escape(line))
    if settling.is_settled:
        _console.print("[green]rolled back[/]: nothing of the engine runs, and ticks are carried out inline")
        return
    _console.print(f"[yellow]rolled back, and not seen to the end in time[/]: {escape(_waiting(settling))}")
    _console.print("the rollback stands; look again with `tickover rollout`, and check that cron fires")


def _taken_over(taken: TakenOver, kept: Sequence[str]) -> list[str]:
    """What became of one half-done obligation, a line for each responsibility."""
    head = f"{taken.function} of {taken.dispatch_key}"
    lines = [f"{head}: {name} had been done by the engine" for name in kept]
    for name, summary in taken.summaries.items():
        by = f"the {taken.path} run of {taken.by_tick}"
        what = summary["error"] or f"changed {summary['changed']}, {summary['left']} left"
        lines.append(f"{head}: {name} was taken over by {by}: {what}")
    return lines if taken.summaries else [*lines, f"{head}: {taken.state}"]


def _as_json(rolled_back: RolledBack, settling: Settling | None) -> dict[str, Any]:
    return rolled_back.as_json() | {
        "settled": None if settling is None else settling.is_settled,
        "takenOver": [
            {
                "function": t.function,
                "dispatchKey": t.dispatch_key,
                "state": str(t.state),
                "path": t.path,
                "byTick": t.by_tick,
                "responsibilities": t.summaries,
            }
            for t in (settling.taken_over if settling else ())
        ],
    }
