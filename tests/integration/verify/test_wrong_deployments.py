"""`verify` finds what is wrong with a deployment: on the line that says so, with the remedy that mends it."""

import dataclasses
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.integration.conftest import Probe, probe_contract
from tests.integration.verify.conftest import (
    CRON_SECRET,
    EVENT_KEY,
    OTHER_KEY,
    PREVIEW_KEY,
    SIGNING_KEY,
    Deploy,
    Order,
    verdicts,
)
from tickover import Contract, clock
from tickover.database import Database
from tickover.ledger.evidence import Evidence
from tickover.ticks.housekeeping import examine
from tickover.verify.proof import report
from tickover.verify.proof.lines import Verdict
from tickover.verify.proof.target import Access

ELSEWHERE = "https://elsewhere.example"
PREVIEW = {"TICKOVER_ENV": "preview:feature-x", "INNGEST_SIGNING_KEY": PREVIEW_KEY}


class Answering:
    """Stands in front of everything, and answers itself."""

    def __init__(self, response: Callable[[Scope], Response]) -> None:
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever is asked."""
        await self._response(scope)(scope, receive, send)


def redirecting(_: ASGIApp) -> ASGIApp:
    """A proxy that knows the deployment under another name."""
    return Answering(lambda scope: RedirectResponse(f"{ELSEWHERE}{scope['path']}", HTTPStatus.PERMANENT_REDIRECT))


def login_wall(status: int) -> Callable[[ASGIApp], ASGIApp]:
    """A login that stands in front of everything."""
    return lambda _: Answering(lambda _: HTMLResponse("<h1>Log in</h1>", status))


def letting_all_in(app: ASGIApp) -> ASGIApp:
    """A proxy that shows the cron secret on behalf of whoever comes."""

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/api/cron"):
            others = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
            scope = {**scope, "headers": [*others, (b"authorization", f"Bearer {CRON_SECRET}".encode())]}
        await app(scope, receive, send)

    return front


def reporting_production(app: ASGIApp) -> ASGIApp:
    """An application on the plain SDK, whose preview says that it is production."""

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message["headers"] if name != b"x-inngest-env"]
                message = {**message, "headers": [*headers, (b"x-inngest-env", b"production")]}
            await send(message)

        await app(scope, receive, sending)

    return front


def without_maintain(contract: Contract) -> Contract:
    """An older version: a function of the contract is not there."""
    (route,) = contract.routes
    process = route.functions[0]
    return Contract((dataclasses.replace(route, owes=("queue-drain",), functions=(process,)),))


WRONG: dict[str, tuple[Order, dict[str, Any], str, str]] = {
    "newline key": (
        Order({"INNGEST_SIGNING_KEY": f"{SIGNING_KEY}\n"}), {},
        "variables", "paste it without the end of the line",
    ),
    "wrong key": (
        Order({"INNGEST_SIGNING_KEY": OTHER_KEY}, known=0), {},
        "signing key", "set INNGEST_SIGNING_KEY to that of the engine's environment",
    ),
    "preview with production's environment": (
        Order(PREVIEW | {"INNGEST_ENV": "production"}, engine_key=PREVIEW_KEY, known=0), {"expect": "preview"},
        "verdict", "unset INNGEST_ENV for this environment",
    ),
    "preview that reports production": (
        Order(PREVIEW, engine_key=PREVIEW_KEY, in_front=reporting_production), {"expect": "preview"},
        "environment", "unset INNGEST_ENV for this environment",
    ),
    "preview where production is expected": (
        Order(PREVIEW, engine_key=PREVIEW_KEY), {"expect": "production"},
        "environment", "set TICKOVER_ENV=production there",
    ),
    "foreign serve origin": (
        Order({"INNGEST_SERVE_ORIGIN": ELSEWHERE}, known=0), {},
        "serve origin", "set INNGEST_SERVE_ORIGIN=http://127.0.0.1",
    ),
    "function missing": (
        Order(contract=without_maintain, known=1), {},
        "functions served", "deploy the version whose contract this is",
    ),
    "redirecting proxy": (
        Order(in_front=redirecting, known=0), {},
        "no redirect", "use the URL that it leads to, everywhere",
    ),
    "login page in front": (
        Order(in_front=login_wall(200), known=0), {},
        "no login wall", "let /api/inngest and /api/cron past the login",
    ),
    "login in front that answers 401": (
        Order(in_front=login_wall(401), known=0), {},
        "no login wall", "let /api/inngest and /api/cron past the login",
    ),
    "cron open to all": (
        Order(in_front=letting_all_in), {},
        "cron without a secret", "let nothing in front of it add the secret",
    ),
    "flag off": (
        Order({"BACKGROUND_JOBS_USE_INNGEST": "false\n"}), {},
        "flag BACKGROUND_JOBS_USE_INNGEST", "set BACKGROUND_JOBS_USE_INNGEST=true there",
    ),
    "flag beaten": (
        Order({"BACKGROUND_JOBS_FORCE_INLINE": "true"}), {},
        "flag BACKGROUND_JOBS_USE_INNGEST", "turn BACKGROUND_JOBS_FORCE_INLINE off there",
    ),
    "engine unsynced": (
        Order(known=0), {},
        "functions registered", "tickover sync http://127.0.0.1",
    ),
    "Redis down": (
        Order({"REDIS_URL": "redis://127.0.0.1:9/0"}), {},
        "status keys", "check REDIS_URL there",
    ),
    "dev mode in production": (
        Order({"INNGEST_DEV": "1"}, known=0), {},
        "verdict", "unset INNGEST_DEV, and set both keys",
    ),
    "wrong event key": (
        Order({"INNGEST_EVENT_KEY": "event-of-somebody-else"}), {},
        "event key", "set INNGEST_EVENT_KEY to that of the engine's environment",
    ),
    "budget beyond the host's limit": (
        Order({"TICKOVER_HOST_LIMIT": "60"}), {},
        "budgets", "lower TICKOVER_INLINE_BUDGET",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
async def test_i5_a_wrong_deployment_fails_on_the_line_that_says_so(deploy: Deploy, case: str) -> None:
    """The first line that fails names what is wrong, its remedy mends it, and the command would end with 1."""
    order, options, name, remedy = WRONG[case]
    deployment = await deploy(order)
    lines = await deployment.prove(**options)
    failing = [line for line in lines if line.verdict is Verdict.FAIL]
    assert failing, verdicts(lines)
    assert failing[0].name == name, verdicts(lines)
    assert remedy in (failing[0].remedy or "")
    assert report.exit_code(lines) == report.WRONG
    told = f"{lines} {report.as_json('x', lines)} {report.as_junit('x', lines)} {deployment.said}"
    assert not [s for s in (CRON_SECRET, EVENT_KEY, SIGNING_KEY, PREVIEW_KEY, OTHER_KEY) if s in told]


async def test_an_event_that_nobody_comes_for_is_no_pass(deploy: Deploy) -> None:
    """With a wrong signing key the canary is accepted and never runs: that fails, and says that no run came."""
    deployment = await deploy(Order({"INNGEST_SIGNING_KEY": OTHER_KEY}, known=0))
    lines = {line.name: line for line in await deployment.prove()}
    assert lines["canary of background-jobs handed over"].verdict is Verdict.PASS
    assert lines["process carried out"].verdict is Verdict.FAIL
    assert "no run came" in lines["process carried out"].seen


async def test_what_is_not_reached_is_not_judged(deploy: Deploy) -> None:
    """Behind a login nothing else is called right or wrong, and no tick is fired."""
    deployment = await deploy(Order(in_front=login_wall(200), known=0))
    lines = await deployment.prove()
    assert verdicts(lines)["everything else"] == "not proven"
    assert not any("canary" in line.name for line in lines)


@pytest.mark.parametrize("expect", ["production", None])
async def test_a_right_deployment_is_proven(deploy: Deploy, expect: str | None) -> None:
    """Every line passes, the canary runs durably, and the command would end with 0."""
    deployment = await deploy()
    lines = await deployment.prove(expect=expect, timeout=30.0)
    assert set(verdicts(lines).values()) == {"pass"}, [line for line in lines if line.verdict is not Verdict.PASS]
    assert report.exit_code(lines) == report.PROVEN
    assert [line.name for line in lines][-3:] == [
        "canary of background-jobs handed over", "process carried out", "maintain carried out"
    ]  # fmt: skip


@pytest.mark.parametrize("off", [{"BACKGROUND_JOBS_USE_INNGEST": "false"}, {"BACKGROUND_JOBS_FORCE_INLINE": "true"}])
async def test_i7_a_rollback_is_proven_too(deploy: Deploy, off: dict[str, str]) -> None:
    """With the flag off, or beaten, and inline expected: every line passes, and the canary is done in the request."""
    deployment = await deploy(Order(off))
    lines = await deployment.prove(inline=True)
    assert set(verdicts(lines).values()) == {"pass"}, lines
    assert lines[-1].name == "canary of background-jobs carried out inline"


async def test_canaries_say_nothing_of_crons_rhythm(deploy: Deploy, database: Database) -> None:
    """A canary beside cron's own tick is not one firing that was done twice."""
    deployment = await deploy()
    headers = {"authorization": f"Bearer {CRON_SECRET}"}
    async with httpx.AsyncClient(base_url=deployment.url, headers=headers, timeout=30) as cron:
        assert (await cron.post("/api/cron/background-jobs")).status_code == HTTPStatus.ACCEPTED
        await deployment.prove(timeout=30.0)
    route = probe_contract(Probe()).routes[0]
    assert await examine(Evidence(database), route, clock.now()) == []


async def test_a_right_preview_falls_back_when_its_send_is_made_to_fail(deploy: Deploy) -> None:
    """With a bad event key the engine refuses the events, and the tick's work is done inline at once."""
    deployment = await deploy(Order(PREVIEW, engine_key=PREVIEW_KEY))
    lines = await deployment.prove(expect="preview", timeout=30.0, force_failure=True)
    assert set(verdicts(lines).values()) == {"pass"}, lines
    assert lines[-1].name == "fallback"
    assert "rejected" in lines[-1].seen


async def test_nobody_makes_production_fail_on_purpose(deploy: Deploy) -> None:
    """The header that lets a send fail is refused in production: 403, and nothing is recorded."""
    deployment = await deploy()
    lines = await deployment.prove(timeout=30.0, force_failure=True)
    assert (lines[-1].name, lines[-1].verdict) == ("fallback", Verdict.FAIL)
    assert "never in production" in (lines[-1].remedy or "")


async def test_without_the_signing_key_what_needs_it_is_not_proven_and_the_rest_is(deploy: Deploy) -> None:
    """An operator with the cron secret alone learns everything else, and the deployment counts as proven."""
    deployment = await deploy()
    lines = await deployment.prove(access=Access(CRON_SECRET, None), timeout=30.0)
    unproven = {line.name for line in lines if line.verdict is Verdict.NOT_PROVEN}
    assert unproven == {"signing key", "event key", "functions registered"}
    assert report.exit_code(lines) == report.PROVEN


async def test_without_the_cron_secret_nothing_is_proven(deploy: Deploy) -> None:
    """No canary can be fired, so the command would end with 2 although nothing is wrong."""
    deployment = await deploy()
    lines = await deployment.prove(access=Access(None, SIGNING_KEY))
    assert not [line for line in lines if line.verdict is Verdict.FAIL]
    assert report.exit_code(lines) == report.UNPROVEN
