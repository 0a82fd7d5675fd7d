"""Asks a deployment everything, fires a tick, follows it, and judges what came."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from tickover import clock
from tickover.engine import CLOUD, PATH
from tickover.isolation.engine import leads_here
from tickover.verify.engine_api import EngineApi
from tickover.verify.facts import EngineFacts
from tickover.verify.proof.answers import Answer, Asked, Deployment, Wanted
from tickover.verify.proof.canary import Canary, canary_lines, fallback_line, inline_line
from tickover.verify.proof.doors import door_lines
from tickover.verify.proof.endpoint import endpoint_lines
from tickover.verify.proof.lines import Line, unproven
from tickover.verify.proof.reach import is_reached, reach_lines
from tickover.verify.proof.target import Access, Target

_DEPLOYMENT = "/api/jobs/deployment"
_LOOKS_EVERY = 0.3  # seconds between looks at how far a canary is
_FORCE_FAILURE = "x-tickover-force-enqueue-failure"
_FIRST_ROUTE = "background-jobs"  # where the deployment does not tell its own


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be proven, and how.

    Args:
        wanted: what the deployment is held to.
        access: what may be shown to it.
        engine_url: where the engine is asked; None takes what the deployment says, on this machine or in the cloud.
        routes: whose canary is fired; none means every route of the deployment.
        timeout: seconds a canary may take until all of its functions have ended.
        canary: whether one is fired at all.
        force_failure: whether another one is sent with a bad event key.
    """

    wanted: Wanted
    access: Access
    engine_url: str | None = None
    routes: Sequence[str] = ()
    timeout: float = 60.0
    canary: bool = True
    force_failure: bool = False


Progress = Callable[[str], None]


async def prove(plan: Plan, say: Progress) -> list[Line]:
    """Every line, in order: what a later one rests on comes before it.

    Args:
        plan: what is to be proven.
        say: told what is being done.
    """
    async with Target(plan.wanted.url, plan.access, plan.timeout) as target:
        say(f"asking {plan.wanted.url}")
        asked = await _ask(plan, target)
        lines = reach_lines(plan.wanted, asked)
        if not is_reached(asked.get):
            rest = "the deployment is not reached, so nothing else is known of it"
            return [*lines, unproven("everything else", rest, "mend what failed above, then verify again")]
        routes = plan.routes or [route["route"] for route in asked.told.routes]
        lines += [*endpoint_lines(plan.wanted, asked), *door_lines(plan.wanted, asked, routes)]
        if plan.canary and plan.access.cron_secret is not None:
            for route in routes or [_FIRST_ROUTE]:
                lines += await _fire(plan, target, route, asked, say)
        elif plan.canary:
            lines.append(unproven("canary", "no cron secret was given", "set CRON_SECRET, or give --cron-secret"))
        else:
            lines.append(unproven("canary", "none was fired, so no run was seen", "leave --no-canary out"))
        return lines


async def _ask(plan: Plan, target: Target) -> Asked:
    get = await target.ask("GET", PATH)
    if not is_reached(get):
        return Asked(get, certificate_until=target.certificate_until)
    head, signed = await target.ask("HEAD", PATH), await target.ask_signed(PATH)
    deployment = await target.ask_with_secret(_DEPLOYMENT)
    asked = Asked(get, head, signed, deployment, certificate_until=target.certificate_until)
    route = next(iter(plan.routes or [route["route"] for route in asked.told.routes]), _FIRST_ROUTE)
    stranger = await target.tick(route, f"verify-stranger-{_name()}", None)
    impostor = await target.tick(route, f"verify-impostor-{_name()}", secrets.token_hex(16))
    engine = await _ask_engine(plan, asked)
    return replace(asked, without_secret=stranger, wrong_secret=impostor, engine=engine)


async def _ask_engine(plan: Plan, asked: Asked) -> EngineFacts | None:
    """What the engine tells of the application's functions; None where there is no key to ask it with.

    The key's hash is shown to nobody but Inngest Cloud, an engine on this machine, and the one that was named.
    """
    told = asked.told.part("engine")
    if not told or (plan.access.signing_key is None and not told.get("isDev")):
        return None
    url = plan.engine_url or str(told.get("url") or CLOUD)
    if plan.engine_url is None and not told.get("isCloud") and not leads_here(url):
        return EngineFacts(url, f"the deployment's engine is at {url}, which is not asked unless it is named")
    key = None if told.get("isDev") else plan.access.signing_key
    async with EngineApi(url, key, str(asked.told.told.get("engineEnvironment") or "") or None) as api:
        return await api.tell(str(asked.told.told.get("appId", "")), [])


async def _fire(plan: Plan, target: Target, route: str, asked: Asked, say: Progress) -> list[Line]:
    """A canary of a route, and one that is to fall back where that was asked for."""
    key, secret = f"verify-{_name()}", plan.access.cron_secret
    say(f"firing a tick of {route}, and following it")
    fired = await target.tick(route, key, secret)
    if plan.wanted.inline:
        return [inline_line(await _follow(plan, target, route, fired))]
    lines = canary_lines(await _follow(plan, target, route, fired))
    if plan.force_failure:
        say(f"firing a tick of {route} with a bad event key")
        failing = await target.tick(route, f"{key}-bad-key", secret, {_FORCE_FAILURE: "true"})
        followed = await _follow(plan, target, route, failing)
        lines.append(fallback_line(followed, is_dev=bool(asked.told.part("engine").get("isDev"))))
    return lines


async def _follow(plan: Plan, target: Target, route: str, fired: Answer) -> Canary:
    """How far a tick came, until all of its functions have ended or the time is over.

    Also where it was to be carried out in its request: a function that another tick was at is done after it.
    """
    began = clock.monotonic()
    done_there = fired.json.get("functions", ()) if fired.status == HTTPStatus.OK else ()
    canary = Canary(route, fired, done_there, 0.0, Deployment({}))
    key = fired.json.get("dispatchKey")
    while key and not canary.has_ended and canary.waited_s < plan.timeout:
        told = await target.ask_with_secret(f"/api/jobs/ticks/{key}")
        functions: Sequence[Mapping[str, object]] = () if told is None else told.json.get("functions", ())
        canary = replace(canary, functions=functions or canary.functions, waited_s=clock.monotonic() - began)
        if not canary.has_ended:
            await asyncio.sleep(_LOOKS_EVERY)
    after = await target.ask_with_secret(_DEPLOYMENT)
    return replace(canary, after=Deployment({} if after is None else after.json))


def _name() -> str:
    return secrets.token_hex(6)
