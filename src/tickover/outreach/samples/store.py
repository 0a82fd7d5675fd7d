"""The statements that make up sample data, run inside a transaction of the caller's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tickover.database import Async
from tickover.outreach.samples.messages import SampleLead, SampleMessage
from tickover.outreach.states import Direction
from tickover.sql import statement


async def add_leads(connection: Async, leads: Sequence[SampleLead], *, replayed: bool) -> list[int]:
    """Store leads; returns the ids of those that were not there."""
    columns = {name: [getattr(lead, name) for lead in leads] for name in SampleLead.__dataclass_fields__}
    return await run(connection, "add_leads", {**columns, "replayed": replayed})


async def receive_messages(connection: Async, messages: Sequence[SampleMessage]) -> list[int]:
    """Store messages that arrive, each with its job; returns the ids of the jobs."""
    names = ("channel", "external_id", "raw", "body", "occurred_at")
    columns: dict[str, list[Any]] = {name: [getattr(message, name) for message in messages] for name in names}
    columns["client_id"] = [message.lead.client_id for message in messages]
    columns["email"] = [message.lead.email for message in messages]
    return await run(connection, "receive_messages", {**columns, "inbound": Direction.INBOUND})


async def count_waiting(connection: Async, bound: int) -> int:
    """Messages that wait to be processed, counted up to a bound."""
    return (await run(connection, "count_waiting", {"bound": bound}))[0]


async def remove_old(
    connection: Async, *, keep: int, before: datetime, clients: Sequence[str], succeeded: str, limit: int
) -> None:
    """Remove the oldest replayed leads beyond `keep`, and sample clients' jobs that succeeded before a time."""
    await connection.execute(_sql("remove_old_leads"), {"keep": keep, "limit": limit})
    parameters = {"before": before, "client_id": list(clients), "succeeded": succeeded, "limit": limit}
    await connection.execute(_sql("remove_old_jobs"), parameters)


async def run(connection: Async, name: str, parameters: dict[str, Any]) -> list[int]:
    """Run one statement of the sample data; returns the first column of what it returns."""
    cursor = await connection.execute(_sql(name), parameters)
    return [] if cursor.description is None else [int(row[0]) for row in await cursor.fetchall()]


def _sql(name: str) -> bytes:
    return statement(f"samples/{name}", "tickover.outreach.sql")
