"""Rows of the local engine for its pages to show, written as the engine writes them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request
from psycopg.types.json import Jsonb

from tickover.database import Database
from tickover.localengine.clock import EngineClock
from tickover.localengine.pages.router import pages_router
from tickover.localengine.states import CallOutcome, RunState


def let_through(_: Request) -> None:
    """A guard that lets every request through."""


def pages_app(database: Database, kind: str = "dev", guard: Any = let_through) -> FastAPI:
    """An application with nothing but the pages."""
    app = FastAPI()
    app.include_router(pages_router(database, EngineClock(), kind, guard))
    return app


@dataclass
class Rows:
    """Writes rows.

    Args:
        database: where the engine's schema is.
        begun: when everything began.
    """

    database: Database
    begun: datetime

    def at(self, seconds: float | None) -> datetime | None:
        """So many seconds after the beginning."""
        return None if seconds is None else self.begun + timedelta(seconds=seconds)

    async def do(self, sql: str, *values: Any) -> None:
        """Run a statement."""
        async with self.database.connection() as connection:
            await connection.execute(sql.encode(), values)

    async def function(self, id_: str, **config: Any) -> None:
        """Register a function."""
        steps = {"step": {"runtime": {"url": "http://127.0.0.1:8000/api/inngest"}, "retries": {"attempts": 2}}}
        whole = {"id": id_, "name": id_.removeprefix("app-"), "steps": steps} | config
        sql = "INSERT INTO tickover_engine.function VALUES (%s, 'app', 'http://127.0.0.1:8000/api/inngest', %s)"
        await self.do(sql, id_, Jsonb(whole))

    async def event(self, id_: str, name: str, data: Any = None) -> None:
        """Store an event."""
        body = {"name": name, "data": data or {}, "id": f"sender-{id_}", "ts": 1, "user": {}}
        sql = "INSERT INTO tickover_engine.event VALUES (%s, %s, %s, %s, %s)"
        await self.do(sql, id_, body["id"], name, Jsonb(body), self.begun)

    async def run(self, id_: str, event: str, state: RunState, ended: float | None = None, output: Any = None) -> None:
        """Store a run of `app-import`, which began 20 ms after it was queued."""
        sql = """INSERT INTO tickover_engine.run
            (id, function_id, internal_id, state, output, created_at, started_at, ended_at)
            VALUES (%s, 'app-import', %s, %s, %s, %s, %s, %s)"""
        started = None if state == RunState.QUEUED else self.at(0.02)
        await self.do(
            sql, id_, event, state, None if output is None else Jsonb(output), self.begun, started, self.at(ended)
        )

    async def call(self, run: str, outcome: CallOutcome, times: tuple[float, float, float], **more: Any) -> None:
        """Store what became of a call that was queued, began and ended at these seconds."""
        facts = {"step_id": "step", "attempt": 0, "name": None, "http_status": 206, "error": None} | more
        sql = """INSERT INTO tickover_engine.call (run_id, outcome, queued_at, started_at, ended_at,
            step_id, attempt, name, http_status, error) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
        await self.do(sql, run, outcome, *(self.at(seconds) for seconds in times), *facts.values())

    async def item(self, run: str, queued: float, due: float | None, **more: Any) -> None:
        """Queue a call; never, where it is due at None."""
        facts = {"step_id": "step", "attempt": 0, "wakes": None, "name": None, "leased_to": None} | more
        sql = """INSERT INTO tickover_engine.item (job_id, function_id, slots, limits, run_id, queued_at, due_at,
            step_id, attempt, wakes, name, leased_to)
            VALUES ('j', 'app-import', '{}', '{}', %s, %s, coalesce(%s::timestamptz, 'infinity'), %s, %s, %s, %s, %s)"""
        await self.do(sql, run, self.at(queued), self.at(due), *facts.values())


async def seed(rows: Rows) -> None:
    """Functions, events, and a run of each kind: ended, failed, asleep with parallel steps, and queued for ever."""
    await rows.function("app-import", triggers=[{"event": "shop/order.placed", "expression": "event.data.n > 1"}])
    await rows.function(
        "app-nightly",
        triggers=[{"cron": "TZ=Europe/Berlin 0 3 * * *"}],
        concurrency=[{"limit": 2, "key": "event.data.shop"}],
        idempotency="event.data.order",
    )
    sql = "INSERT INTO tickover_engine.schedule VALUES ('app-nightly', 'TZ=Europe/Berlin 0 3 * * *', %s)"
    await rows.do(sql, rows.at(7200))
    for n in range(1, 6):
        await rows.event(f"01E{n}", "shop/order.placed", {"order": n, "note": "<script>alert(1)</script>"})
    await rows.event("01E9", "shop/nobody.listens")
    await rows.run("01R1", "01E1", RunState.COMPLETED, 9.5, {"imported": 3, "html": "<b>no</b>"})
    await _steps(rows, "01R1")
    await rows.run("01R2", "01E2", RunState.FAILED, 6.2, {"message": "the shop is closed", "name": "ShopError"})
    await rows.call("01R2", CallOutcome.RETRIED, (0, 0.02, 1.1), http_status=500, error="invalid status code: 500")
    await rows.call("01R2", CallOutcome.FAILED, (1.1, 5, 6.2), attempt=1, http_status=0, error="no answer")
    await rows.run("01R3", "01E3", RunState.RUNNING)
    await _alive(rows, "01R3")
    await rows.run("01R4", "01E4", RunState.QUEUED)
    await rows.item("01R4", 0, None)


async def _steps(rows: Rows, run: str) -> None:
    await rows.call(run, CallOutcome.STEP, (0, 0.02, 0.8), name="load the orders")
    await rows.call(run, CallOutcome.RETRIED, (0.8, 0.85, 1.2), name="check stock", error="timeout of the warehouse")
    await rows.call(run, CallOutcome.STEP, (1.2, 2.2, 2.7), name="check stock", attempt=1)
    await rows.call(run, CallOutcome.PLANNED, (2.7, 2.72, 2.9))
    for n, (step, until) in enumerate((("mail the customer", 4.4), ("print the label", 3.9), ("tell the shop", 4.1))):
        outcome = CallOutcome.STEP_FAILED if n == 1 else CallOutcome.STEP
        error = "no paper" if n == 1 else None
        times = (2.9, 3 + n / 5, until)
        await rows.call(run, outcome, times, name=step, step_id=f"{n}" * 40, error=error)
    await rows.call(run, CallOutcome.SLEPT, (4.4, 4.42, 4.5), name="wait for the courier")
    await rows.call(run, CallOutcome.WOKE, (4.5, 4.5, 9.2), name="wait for the courier", http_status=0)
    await rows.call(run, CallOutcome.RETURNED, (9.2, 9.22, 9.5), http_status=200)


async def _alive(rows: Rows, run: str) -> None:
    await rows.call(run, CallOutcome.PLANNED, (0, 0.02, 1))
    await rows.call(run, CallOutcome.SLEPT, (1, 1.1, 2), name="nap", step_id="a" * 40)
    await rows.item(run, 2, 900, name="nap", wakes="a" * 40, step_id="a" * 40)
    await rows.call(run, CallOutcome.RETRIED, (1, 1.1, 3), name="fetch", step_id="b" * 40, error="boom")
    await rows.item(run, 3, 500, name="fetch", attempt=1, step_id="b" * 40)
    await rows.item(run, 1, 1, step_id="c" * 40, leased_to=rows.at(86400))
