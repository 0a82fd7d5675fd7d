"""The probe application behind the recorded exchanges, on the official SDK."""

import asyncio
import functools
import logging
from datetime import timedelta
from typing import Any

import inngest
import inngest.fast_api
from fastapi import FastAPI


def make_functions(sdk: inngest.Inngest) -> list[inngest.Function[Any]]:  # noqa: C901 - seven small functions
    """The seven functions of the recording."""

    @sdk.create_function(
        fn_id="process-background-jobs",
        retries=2,
        concurrency=[inngest.Concurrency(limit=1)],
        idempotency="event.data.dispatchKey",
        trigger=inngest.TriggerEvent(event="background/process.requested"),
    )
    async def process(context: inngest.Context) -> Any:
        first = await context.step.run("drain", _returning({"n": 1}))
        await context.step.sleep("nap", timedelta(milliseconds=500))
        second = await context.step.run("drain-2", _returning({"n": 2}))
        return {"a": first, "b": second, "attempt": context.attempt}

    @sdk.create_function(
        fn_id="background-maintenance",
        retries=1,
        trigger=inngest.TriggerEvent(event="background/maintenance.requested"),
    )
    async def maintain(context: inngest.Context) -> Any:
        data = context.event.data
        if data.get("boom"):
            raise ValueError("boom")
        if data.get("nonretriable"):
            raise inngest.NonRetriableError("nope")
        if data.get("after") and context.attempt == 0:
            raise inngest.RetryAfterError("later", 2000)
        return {"ok": True}

    @sdk.create_function(fn_id="on-failed", trigger=inngest.TriggerEvent(event="inngest/function.failed"))
    async def on_failed(context: inngest.Context) -> Any:
        return {"got": context.event.data["function_id"]}

    @sdk.create_function(
        fn_id="slow-one-at-a-time",
        retries=0,
        concurrency=[inngest.Concurrency(limit=1)],
        trigger=inngest.TriggerEvent(event="probe/slow"),
    )
    async def slow(context: inngest.Context) -> Any:
        await asyncio.sleep(0.2)
        return {"n": context.event.data["n"]}

    @sdk.create_function(fn_id="parallel-steps", retries=0, trigger=inngest.TriggerEvent(event="probe/parallel"))
    async def parallel(context: inngest.Context) -> Any:
        steps = [functools.partial(context.step.run, name, _returning(name)) for name in ("a", "b")]
        return list(await context.group.parallel(tuple(steps)))

    @sdk.create_function(fn_id="step-error", retries=1, trigger=inngest.TriggerEvent(event="probe/step-error"))
    async def step_error(context: inngest.Context) -> Any:
        async def fail() -> None:
            raise ValueError("step boom")

        return await context.step.run("a", fail)

    @sdk.create_function(fn_id="sends-event", retries=0, trigger=inngest.TriggerEvent(event="probe/send"))
    async def sends_event(context: inngest.Context) -> Any:
        return await context.step.send_event("emit", inngest.Event(name="probe/parallel", data={"from": "send"}))

    return [process, maintain, on_failed, slow, parallel, step_error, sends_event]


def make_app(sdk: inngest.Inngest) -> FastAPI:
    """The application."""
    logging.getLogger("inngest").setLevel(logging.CRITICAL)
    app = FastAPI()
    inngest.fast_api.serve(app, sdk, make_functions(sdk))
    return app


def _returning(value: Any) -> Any:
    async def give() -> Any:
        return value

    return give
