"""`tickover drill`: game days on this machine."""

import asyncio
import json
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from tickover import telemetry
from tickover.cli.tables import cell, paper, plain_table

if TYPE_CHECKING:
    from tickover.drill.cases import Case
    from tickover.drill.game import Result

_SILENT = logging.CRITICAL  # what the replicas log stands in their files


def drill(
    only: Annotated[list[str] | None, typer.Option(help="Only this case; may be repeated.")] = None,
    list_cases: Annotated[bool, typer.Option("--list", help="Name the cases; play none.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report with a timeline of each case here.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and data in this empty directory.")] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a case, for machines.")] = False,
) -> None:
    """Game days: break one thing after the other under real processes, and count what became of the work.

    PostgreSQL, Valkey, the local engine and two replicas of an application run on this machine; cron fires once a
    second, and a second stands for a minute. Exit code 1 if an invariant broke.
    """
    from tickover.drill.cases import CASES  # noqa: PLC0415 - needs the extra `embedded`

    names = [case.name for case in CASES]
    unknown = sorted(set(only or ()) - set(names))
    if unknown:
        raise typer.BadParameter(f"there is no case {', '.join(unknown)}; there are {', '.join(names)}")
    if list_cases:
        for case in CASES:
            typer.echo(f"{case.name:24}{case.notes:14}{case.breaks}")
        return
    telemetry.configure_logs(json=True, level=_SILENT)
    cases = [case for case in CASES if not only or case.name in only]
    results = asyncio.run(_play(cases, keep, as_json=json_lines))
    if not json_lines:
        _show_table(results)
    if html is not None:
        from tickover.drill.report import write_report  # noqa: PLC0415

        write_report(html, results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


async def _play(cases: "Sequence[Case]", keep: Path | None, *, as_json: bool) -> "list[Result]":
    from tickover.drill.game import play  # noqa: PLC0415 - needs the extra `embedded`

    console, progress = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="tickover-drill-") as folder:
        playing = play(cases, Path(folder) if keep is None else keep)
        progress.print(f"[dim]{len(cases)} cases; a tick a second, each second stands for a minute[/]")
        async for result in playing:
            results.append(result)
            progress.print(f"[dim]{len(results)}/{len(cases)}[/] {_line(result)}")
            if as_json:
                console.print(json.dumps(as_object(result)), markup=False)
    return results


def _line(result: "Result") -> str:
    if result.skipped:
        return f"{result.case.name}: [yellow]{result.trouble}[/]"
    told = [*(result.verdict.broken if result.verdict else ()), *([result.trouble] if result.trouble else ())]
    mark = "[green]held[/]" if result.passed else "[red]broken[/]"
    return f"{result.case.name}: {mark}" + (f" {escape('; '.join(told))}" if told else "")


def _show_table(results: "Sequence[Result]") -> None:
    table = plain_table(["case", "ticks", "by path", "lost", "twice", "gap", "jobs", "lost ", "verdict"])
    for result in results:
        verdict = result.verdict
        if verdict is None:
            table.add_row(result.case.name, *[""] * 7, cell(result.trouble))
            continue
        by_path = "\n".join(f"{path} {count}" for path, count in sorted(verdict.paths.items()))
        table.add_row(
            result.case.name,
            cell(f"{verdict.recorded}/{verdict.expected}"),
            *map(cell, (by_path, verdict.lost, verdict.twice, f"{verdict.longest_gap:.1f}")),
            *map(cell, (verdict.jobs, verdict.jobs_lost)),
            cell("held" if result.passed else "; ".join([*verdict.broken, result.trouble or ""]).strip("; ")),
        )
    console = paper()
    console.print(table)
    console.print("[dim]gap: the longest time without a success of any responsibility, in intervals of cron[/]")


def as_object(result: "Result") -> dict[str, Any]:
    """A case's result as a JSON object."""
    verdict = result.verdict
    told: dict[str, Any] = {"case": result.case.name, "fieldNotes": result.case.notes, "broken": result.case.breaks}
    told |= {"passed": result.passed, "skipped": result.skipped, "trouble": result.trouble}
    if verdict is None:
        return told
    return told | {
        "ticksExpected": verdict.expected,
        "ticksRecorded": verdict.recorded,
        "unanswered": verdict.unanswered,
        "done": verdict.done,
        "byPath": dict(verdict.paths),
        "lost": verdict.lost,
        "twice": verdict.twice,
        "repeated": verdict.repeated,
        "late": verdict.late,
        "longestGap": verdict.longest_gap,
        "gaps": dict(verdict.gaps),
        "jobs": verdict.jobs,
        "jobsLost": verdict.jobs_lost,
        "jobsTwice": verdict.jobs_twice,
        "causes": list(verdict.causes),
        "invariantsBroken": list(verdict.broken),
    }
