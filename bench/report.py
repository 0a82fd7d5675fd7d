"""The page: tables, charts and verdicts from the records of all rounds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.charts import Bar, bar_chart, shown
from bench.goals import Spread, Verdict, values
from bench.rounds import Record

BEGIN, END = "<!-- measured: begin, written by make bench -->", "<!-- measured: end -->"
PICTURES = "img"
"""The folder of the charts, beside the page."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        head: its heading.
        figure: what it shows.
        over: the side it is divided by, round by round.
        spread: whether the lowest and the highest value are shown too.
    """

    head: str
    figure: str
    over: str | None = None
    spread: bool = False


@dataclass(frozen=True)
class Table:
    """What is shown of a bench: a row for each side.

    Args:
        bench: which one.
        title: its heading.
        text: what was done, in a sentence or two.
        columns: the figures.
        chart: title and unit of a chart of its first column, or None.
    """

    bench: str
    title: str
    text: str
    columns: tuple[Column, ...]
    chart: tuple[str, str] | None = None


TABLES: tuple[Table, ...] = (
    Table(
        "drain",
        "Drain",
        "One process works off no-op jobs of 100 clients. The clock runs from the worker's start to when the store\n"
        "has recorded every job as finished. Bare is a hand-written loop without a library: claim 200, complete 200.",
        (
            Column("jobs/s", "rate", spread=True),
            Column("over bare", "rate", "bare", spread=True),
            Column("over pgqueuer", "rate", "pgqueuer"),
            Column("commits a job", "commits"),
            Column("bytes of WAL a job", "wal"),
            Column("rows written a job", "rows"),
            Column("peak MiB", "mib"),
        ),
        ("Drain: no-op jobs, one process", "jobs/s"),
    ),
    Table(
        "enqueue",
        "Bulk enqueue",
        "No-op jobs by the fastest call of each public API.",
        (Column("jobs/s", "rate", spread=True), Column("over bare", "rate", "bare", spread=True)),
        ("Bulk enqueue", "jobs/s"),
    ),
    Table(
        "depth",
        "Depth",
        "Slices over a clean table, which holds only due rows, in turn with slices over a deep table. Peak memory is\n"
        "that of a deep slice.",
        (
            Column("deep over clean", "kept", spread=True),
            Column("clean jobs/s", "clean"),
            Column("deep jobs/s", "deep"),
            Column("peak MiB", "mib"),
        ),
        ("Depth: rate over a deep table, as a share of the clean rate", ""),
    ),
    Table(
        "memory",
        "Memory",
        "One drain to the end of as many due rows as a deep table has; the peak of its process, imports and all.",
        (Column("peak MiB", "mib"), Column("jobs", "jobs"), Column("jobs/s", "rate")),
    ),
    Table(
        "fairness",
        "Fairness",
        "One big client, whose jobs were due before those of 999 clients with ten each; one slice. Then many clients\n"
        "with one job each against one client with all of them: what a job costs, as a multiple.",
        (
            Column("fair jobs/s", "fair"),
            Column("FIFO jobs/s", "fifo"),
            Column("fair over FIFO", "kept", spread=True),
            Column("small jobs left", "small_left", spread=True),
            Column("the last small job was no.", "last_small"),
            Column("many clients: times the cost of one", "times", spread=True),
        ),
    ),
    Table(
        "slice",
        "A budget",
        "Handlers sleep; jobs are due throughout. What is beyond one handler is the overrun less the longest\n"
        "handler of those that ran when the budget was over.",
        (
            Column("overrun ms", "overrun_ms", spread=True),
            Column("beyond one handler, ms", "beyond_handler_ms", spread=True),
            Column("left claimed", "claimed", spread=True),
            Column("first job after ms", "first_ms", spread=True),
            Column("share of the budget used", "used", spread=True),
            Column("jobs done", "done"),
        ),
    ),
    Table(
        "prune",
        "Prune",
        "Beside one big DELETE of the same rows, and beside a concurrent workload.",
        (
            Column("rows/s", "retention_rows_per_s"),
            Column("over one DELETE", "rate_ratio", spread=True),
            Column("p99 over undisturbed", "p99_ratio", spread=True),
        ),
    ),
    Table(
        "tick",
        "A tick over a bare send",
        "Medians; more of it below.",
        (Column("tick ms", "tick_ms"), Column("bare send ms", "send_ms"), Column("ratio", "times", spread=True)),
    ),
    Table(
        "status",
        "A status write over a bare one",
        "The status store's compare-and-set, against redis-py's SET of the same JSON; medians.",
        (Column("store ms", "store_ms"), Column("bare ms", "bare_ms"), Column("ratio", "times", spread=True)),
    ),
)


def chapter(
    heading: str,
    records: Sequence[Record],
    verdicts: Sequence[Verdict],
    missing: Mapping[str, str],
    charts: bool = True,
) -> str:
    """The measured part of the page, as Markdown.

    Args:
        heading: lines that say when, where and with what it was measured.
        records: of all rounds.
        verdicts: how the goals stand.
        missing: the peers that were not run, and why.
        charts: whether the pictures are linked.
    """
    parts = ["## Jobs and maintenance, beside others", heading]
    parts += [_table(table, records, charts) for table in TABLES if _sides(records, table.bench)]
    parts.append(_goals(verdicts))
    failed = {f"{r['bench']}, {r['side']}": str(r["failed"]) for r in records if "failed" in r}
    if reasons := dict(missing) | failed:
        lines = [f"- {name}: {' '.join(reason.split())[:200]}" for name, reason in reasons.items()]
        parts.append("### Not run\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def pictures(records: Sequence[Record]) -> dict[str, str]:
    """The charts, by file name."""
    found = {}
    for table in TABLES:
        bars = [_bar(records, table, side) for side in _sides(records, table.bench)]
        if table.chart is not None and bars:
            found[f"{table.bench}.svg"] = bar_chart(*table.chart, [bar for bar in bars if bar is not None])
    return found


def replaced(page: str, text: str) -> str:
    """A page with the part between its two markers replaced.

    Raises:
        ValueError: the markers are missing, or not there once each and in order.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page must hold {BEGIN!r} and, after it, {END!r}, once each")
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    return f"{before}{BEGIN}\n{text}{after}"


def _sides(records: Sequence[Record], bench: str) -> list[str]:
    """Those that were measured, those of the first round first."""
    order = sorted((r for r in records if r["bench"] == bench and "failed" not in r), key=lambda r: int(r["round"]))
    return list(dict.fromkeys(str(r["side"]) for r in order))


def _table(table: Table, records: Sequence[Record], charts: bool) -> str:
    lines = [
        "| | " + " | ".join(column.head for column in table.columns) + " |",
        "| --- |" + " --- |" * len(table.columns),
    ]
    for side in _sides(records, table.bench):
        cells = [
            _cell(column, values(records, table.bench, side, column.figure, column.over)) for column in table.columns
        ]
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    picture = f"![{table.chart[0]}]({PICTURES}/{table.bench}.svg)\n\n" if table.chart and charts else ""
    return f"### {table.title}\n\n{table.text}\n\n{picture}" + "\n".join(lines)


def _cell(column: Column, found: Sequence[float]) -> str:
    spread = Spread.of(found)
    if spread is None:
        return ""
    return shown_with_spread(spread) if column.spread else shown(spread.median)


def shown_with_spread(spread: Spread) -> str:
    """A median with its lowest and highest value, where these differ."""
    if spread.least == spread.most:
        return shown(spread.median)
    return f"{shown(spread.median)} [{shown(spread.least)}..{shown(spread.most)}]"


def _bar(records: Sequence[Record], table: Table, side: str) -> Bar | None:
    spread = Spread.of(values(records, table.bench, side, table.columns[0].figure))
    return None if spread is None else Bar(side, spread, ours=side.startswith("tickover"))


def _goals(verdicts: Sequence[Verdict]) -> str:
    lines = ["### Goals", "", "| goal | limit | seen | all values | |", "| --- | --- | --- | --- | --- |"]
    for verdict in verdicts:
        goal = verdict.goal
        limit = f"at least {goal.at_least:g}" if goal.at_most == float("inf") else f"at most {goal.at_most:g}"
        seen = "" if verdict.seen is None else shown(verdict.seen)
        whole = "" if verdict.spread is None else shown_with_spread(verdict.spread)
        word = "not measured" if verdict.seen is None else "**not met**" if verdict.missed else "met"
        lines.append(f"| {goal.text} | {limit} | {seen} | {whole} | {word} |")
    return "\n".join(lines)
