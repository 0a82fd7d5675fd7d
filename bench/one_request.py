"""The application that `bench/engine.py` has called: one function of one request, on the official SDK."""

import time
from typing import Any

import inngest
import inngest.fast_api
from fastapi import FastAPI

SDK = inngest.Inngest(app_id="bench")
app = FastAPI()
waits: list[float] = []


@SDK.create_function(fn_id="one", retries=0, trigger=inngest.TriggerEvent(event="bench/one"))
async def one(context: inngest.Context) -> None:
    """Note how long after its event was sent it is called."""
    sent: Any = context.event.data["sent"]
    waits.append((time.time() - sent) * 1000)


@app.get("/waits")
async def take_waits() -> list[float]:
    """Milliseconds from send to call, of the calls since the last question."""
    taken = waits.copy()
    waits.clear()
    return taken


inngest.fast_api.serve(app, SDK, [one])
