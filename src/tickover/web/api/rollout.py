"""The rollout over the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from tickover.rollout.controller import Rollout
from tickover.web.api import models
from tickover.web.api.counter import Counter
from tickover.web.problems import require_function, require_functions

Function = Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$", description="the function's id")]


def rollout_api(counter: Counter) -> APIRouter:
    """The routes of the rollout."""
    router = APIRouter(prefix="/rollout", tags=["rollout"])
    served = counter.served

    @router.get("", response_model=models.Rollout, dependencies=[counter.looks])
    async def rollout() -> dict[str, Any]:
        """Where each function stands, and what speaks for and against its next step."""
        return {"functions": [standing.as_json() for standing in await served.rollout.standings()]}

    @router.post("/{function}/begin", response_model=models.Standing, dependencies=[counter.acts])
    async def begin(function: Function, act: models.Act, request: Request) -> dict[str, Any]:
        """Take a function under control: inline, whatever its flag says."""
        await served.rollout.begin(_known(function), act.name(request.state.role), act.reason)
        return await _standing(served.rollout, function)

    @router.post("/{function}/advance", response_model=models.Standing, dependencies=[counter.acts])
    async def advance(function: Function, act: models.Advance, request: Request) -> dict[str, Any]:
        """Move a function one step forward, if its gates pass."""
        await served.rollout.advance(_known(function), act.name(request.state.role), act.reason, override=act.override)
        return await _standing(served.rollout, function)

    @router.post("/{function}/release", response_model=models.Standing, dependencies=[counter.acts])
    async def release(function: Function, act: models.Act, request: Request) -> dict[str, Any]:
        """Let a function go on that was rolled back."""
        await served.rollout.release(_known(function), act.name(request.state.role), act.reason)
        return await _standing(served.rollout, function)

    @router.post("/{function}/back", response_model=models.RolledBack, dependencies=[counter.acts])
    async def back(function: Function, act: models.Act, request: Request) -> dict[str, Any]:
        """Back to inline from the next tick on; `all` takes every function back."""
        functions = [each.id for each in require_functions(served.contract, function)]
        return (await served.rollback.roll_back(functions, act.name(request.state.role), act.reason)).as_json()

    def _known(function: str) -> str:
        return require_function(served.contract, function).id

    return router


async def _standing(rollout: Rollout, function: str) -> dict[str, Any]:
    found = await rollout.standings()
    return next(standing for standing in found if standing.function == function).as_json()
