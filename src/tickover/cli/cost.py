"""`tickover cost`: what the durable way costs at the engine, at each stage, and of the plan."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from tickover import telemetry
from tickover.app import Tickover
from tickover.cli.application import AppOption, load_application
from tickover.contract import Route
from tickover.rollout.controller import Standing
from tickover.rollout.cost import DAYS, NOW, Cost, Habit, RouteCost, is_doubled, rhythm
from tickover.rollout.stages import DURABLE, Step, in_force, switched_off
from tickover.settings import NO_DATABASE, environment, left_out
from tickover.ticks.decision import switches_of

_console = Console(highlight=False, soft_wrap=True)


def cost(
    application: AppOption = None,
    every: Annotated[float | None, typer.Option(min=1, help="Reckon with a tick every so many seconds.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Requests, events and executions per tick, day and month at each stage, by the contract and the ledger."""
    has_database = bool(environment().get("DATABASE_URL", "").strip())
    with left_out(() if has_database else NO_DATABASE, NO_DATABASE):
        tickover = load_application(application)
    telemetry.configure_logs(json=False, level=logging.CRITICAL)
    asked = None if every is None else timedelta(seconds=every)
    if has_database:
        routes, unread = asyncio.run(_read(tickover, asked))
    else:
        routes, unread = [_declared(route, asked) for route in tickover.contract.routes], "DATABASE_URL is not set"
    plan = {"executions": tickover.settings.plan_executions, "events": tickover.settings.plan_events}
    where = str(tickover.guard.offline.environment)
    if as_json:
        told = {
            "environment": where,
            "unread": unread,
            "plan": plan,
            "routes": [route.as_json() for route in routes],
        }
        typer.echo(json.dumps(told))
        return
    by = (
        "by its ledger"
        if unread is None
        else f"[yellow]by the contract alone[/], for its ledger says nothing ({escape(unread)})"
    )
    _console.print(f"[bold]{where}[/], {by}; a month has {DAYS} days")
    for route in routes:
        _print_route(route)
    _print_plan(routes, plan)


async def _read(tickover: Tickover, every: timedelta | None) -> tuple[list[RouteCost], str | None]:
    """What each route costs, and why the ledger could not be read, where it could not."""
    await tickover.database.open()
    try:
        standings = await tickover.rollout.standings()
        return [await _read_route(tickover, route, standings, every) for route in tickover.contract.routes], None
    except psycopg.Error as error:
        return [_declared(route, every) for route in tickover.contract.routes], " ".join(str(error).split())
    finally:
        await tickover.close()


async def _read_route(
    tickover: Tickover, route: Route, standings: Sequence[Standing], every: timedelta | None
) -> RouteCost:
    evidence = tickover.rollback.evidence
    seen, over = await evidence.newest_ticks(route.id)
    now = [_stands(tickover, route, standing) for standing in standings if standing.route == route.id]
    return RouteCost(route.id, rhythm(route, seen, over, every), await evidence.habits(route), now)


def _stands(tickover: Tickover, route: Route, standing: Standing) -> Step:
    """Where a function stands; before the first tick of its route has told the switches, by those of this process."""
    if standing.seen_at is not None:
        return standing.in_force.step
    withheld = tickover.guard.offline.withheld
    switches = switches_of(route, tickover.flags, None if withheld is None else withheld.text)
    return in_force(route.flag, switched_off(switches), standing.control).step


def _declared(route: Route, every: timedelta | None) -> RouteCost:
    """By the contract alone."""
    habits = [Habit(function.id) for function in route.functions]
    return RouteCost(route.id, rhythm(route, 0, timedelta(), every), habits, None)


def _print_route(route: RouteCost) -> None:
    _console.print(f"\n[bold]{route.route}[/], {route.rhythm.source}")
    for habit in route.habits:
        measured = f"{habit.attempts:.2f} attempts, {habit.continuations:.2f} continuations, {habit.idle:.0%} idle"
        _console.print(f"  {habit.function}: {measured}")
    headings = [f"{what}\n{span}" for span in ("a tick", "a day", "a month") for what in ("req.", "events", "exec.")]
    columns = (Column(heading, justify="right") for heading in headings)
    table = Table(Column("stage", no_wrap=True), *columns, box=None, padding=(0, 1, 0, 0))
    for name, row in route.rows().items():
        table.add_row(name, *_figures(row, route.rhythm.a_day))
    _console.print(table, soft_wrap=False)
    if route.now is not None and is_doubled(route.now):
        _console.print("  shadow: the work is done inline, and dry beside it: the engine's part comes on top")


def _figures(row: Cost, a_day: float | None) -> list[str]:
    """A row's figures: a tick's to the hundredth, a day's and a month's in whole numbers, or shorter."""
    figures = [f"{value:.2f}".rstrip("0").rstrip(".") for value in (row.requests, row.events, row.executions)]
    for days in (1, DAYS):
        if a_day is None:
            figures += ["?"] * 3
            continue
        span = row.times(a_day * days)
        figures += [_short(value) for value in (span.requests, span.events, span.executions)]
    return figures


def _short(value: float) -> str:
    """A figure in seven characters at most."""
    for size, sign in ((1e6, "M"), (1e5, "k")):
        if value >= size:
            return f"{value / (1e3 if sign == 'k' else size):,.1f}{sign}"
    return f"{value:,.0f}"


def _print_plan(routes: Sequence[RouteCost], plan: Mapping[str, int | None]) -> None:
    """All routes together, where they stand now and where all of them are durable, against the plan."""
    for label, row in ((NOW, NOW), ("all durable", str(DURABLE))):
        months = [month for route in routes if (month := route.a_month(row)) is not None]
        if not months:
            _console.print(f"\n[bold]{label}[/], a month: not known")
            continue
        total = sum(months, Cost())
        parts = []
        for name, allowed in plan.items():
            used = getattr(total, name)
            share = "" if allowed is None else f" of {allowed:,}, {used / allowed:.0%}"
            parts.append(f"{used:,.0f} {name}{share}")
        unknown = "" if len(months) == len(routes) else f", {len(routes) - len(months)} routes left out"
        _console.print(f"\n[bold]{label}[/], a month: {'; '.join(parts)}{unknown}")
    if None in plan.values():
        _console.print("[dim]TICKOVER_PLAN_EXECUTIONS and TICKOVER_PLAN_EVENTS tell what the plan has[/]")
