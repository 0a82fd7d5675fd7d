"""`tickover watch`: the watchdog between ticks."""

import asyncio
import json
import signal

from rich.console import Console
from rich.markup import escape

from tickover import clock
from tickover.app import Tickover
from tickover.status.store import iso
from tickover.ticks.circuit import CircuitState
from tickover.ticks.watch import Round


async def watch_application(tickover: Tickover, every: float, *, once: bool, as_json: bool) -> bool:
    """Look for what is overdue and for what is wrong, until the process is told to stop.

    Args:
        tickover: the application.
        every: seconds between looks.
        once: look once only.
        as_json: one JSON object a look, for machines.

    Returns:
        Whether nothing was wrong the last time.
    """
    console = Console(highlight=False, soft_wrap=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    rounds: list[Round] = []

    async def seen(found: Round) -> None:
        rounds[:] = [found]
        if as_json:
            console.print(json.dumps(_as_json(found)), markup=False)
        else:
            _say(console, found)

    await tickover.open()
    try:
        if once:
            await seen(await tickover.watch.once())
        else:
            watching = asyncio.create_task(tickover.watch.run(every, seen))
            await asyncio.wait({watching, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    finally:
        await tickover.close()
    return all(_is_well(found) for found in rounds)


def _is_well(found: Round) -> bool:
    is_open = any(circuit.state is CircuitState.OPEN for circuit in found.circuits.values())
    return not (found.recovered or found.findings or is_open)


def _say(console: Console, found: Round) -> None:
    stamp = f"[dim]{clock.now():%H:%M:%S}[/]"
    for route, circuit in found.circuits.items():
        if circuit.state is CircuitState.OPEN:
            console.print(f"{stamp} [yellow]circuit open[/] {route}: {escape(circuit.reason)}")
    for recovery in found.recovered:
        outcome = "another replica is at it" if recovery.outcome is None else str(recovery.outcome.state)
        console.print(
            f"{stamp} [yellow]recovered {recovery.overdue.late} late of {recovery.overdue.function}[/] ({outcome}): "
            f"{escape(recovery.cause)}"
        )
    for finding in found.findings:
        console.print(
            f"{stamp} [red]{finding.code}[/] {finding.subject}: {escape(finding.text)}; {escape(finding.remedy)}"
        )
    if _is_well(found):
        console.print(f"{stamp} nothing overdue, nothing wrong")


def _as_json(found: Round) -> dict[str, object]:
    return {
        "at": iso(clock.now()),
        "circuits": {route: {"state": str(c.state), "reason": c.reason} for route, c in found.circuits.items()},
        "recovered": [
            {
                "function": recovery.overdue.function,
                "dispatchKey": recovery.overdue.dispatch_key,
                "late": recovery.overdue.late,
                "cause": recovery.cause,
                "state": None if recovery.outcome is None else str(recovery.outcome.state),
            }
            for recovery in found.recovered
        ],
        "findings": [finding.as_json() for finding in found.findings],
    }
