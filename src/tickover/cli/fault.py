"""`tickover fault`: let a local engine fail on command."""

import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import typer

from tickover.cli.tables import cell, paper, plain_table
from tickover.errors import EnvironmentStateError, RequestError
from tickover.localengine.faults.kinds import SHAPES, FaultKind

_TIMEOUT = 10.0  # seconds
_DURATION = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(s|m|h)?$")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_COLUMNS = {  # heading: field
    "id": "id",
    "kind": "kind",
    "about": "subject",
    "left": "remaining",
    "struck": "struck",
    "seconds": "seconds",
    "until": "until",
}
_KINDS = "\n\n".join(f"{kind}: {shape.about}" for kind, shape in SHAPES.items())

fault_app = typer.Typer(no_args_is_help=True, help="Faults of the local engine, for tests and drills.")

_Engine = Annotated[str, typer.Option(envvar="INNGEST_BASE_URL", help="The local engine's URL.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]


def _seconds(text: str) -> float:
    match = _DURATION.match(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration: say 30s, 10m or 1h")
    return float(match[1]) * _UNITS[match[2] or "s"]


@fault_app.command(epilog=_KINDS)
def add(
    kind: Annotated[FaultKind, typer.Argument(help="What goes wrong; the list is below.")],
    subject: Annotated[str | None, typer.Option(help="Only this event (sends) or function (calls).")] = None,
    count: Annotated[int | None, typer.Option(help="Strike so often, then end.")] = None,
    probability: Annotated[float | None, typer.Option(help="Strike with this probability, up to 1.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Of a hang, a delay or a skew.")] = None,
    for_: Annotated[str, typer.Option("--for", help="End after this long in any case: 30s, 10m, 1h.")] = "10m",
    engine: _Engine = "http://127.0.0.1:8288",
    as_json: _AsJson = False,
) -> None:
    """Let something go wrong, from now on."""
    given = {"subject": subject, "count": count, "probability": probability, "seconds": seconds}
    body = {"kind": kind, "for_seconds": _seconds(for_)} | {name: v for name, v in given.items() if v is not None}
    _show([_ask(engine, "POST", "/faults", body)["data"]], as_json=as_json)


@fault_app.command("list")
def list_faults(engine: _Engine = "http://127.0.0.1:8288", as_json: _AsJson = False) -> None:
    """The faults that have not ended."""
    _show(_ask(engine, "GET", "/faults")["data"], as_json=as_json)


@fault_app.command()
def clear(
    fault_id: Annotated[int | None, typer.Argument(help="Which one; all by default.")] = None,
    engine: _Engine = "http://127.0.0.1:8288",
    as_json: _AsJson = False,
) -> None:
    """End a fault, or all of them."""
    path = "/faults" if fault_id is None else f"/faults/{fault_id}"
    removed = _ask(engine, "DELETE", path)["removed"]
    typer.echo(json.dumps({"removed": removed}) if as_json else f"{removed} ended")


def _ask(engine: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the engine answers.

    Raises:
        EnvironmentStateError: no local engine answers there.
        RequestError: it refuses; the text is its own.
    """
    url = engine.strip().rstrip("/")
    try:
        response = httpx.request(method, f"{url}{path}", json=body, timeout=_TIMEOUT, trust_env=False)
        answer = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise EnvironmentStateError(
            f"no local engine answers at {url}: {error}; start one, or name it with --engine"
        ) from None
    if not isinstance(answer, dict) or not response.is_success:
        text = answer.get("error") if isinstance(answer, dict) else None
        raise RequestError(
            HTTPStatus.BAD_REQUEST, "fault-refused", str(text or f"{url} answers {response.status_code}")
        )
    return answer


def _show(faults: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for fault in faults:
            typer.echo(json.dumps(fault))
        return
    table = plain_table(list(_COLUMNS))
    for fault in faults:
        shown = fault | {"until": str(fault["until"])[11:19]}
        table.add_row(*(cell(shown[name]) for name in _COLUMNS.values()))
    paper().print(table)
