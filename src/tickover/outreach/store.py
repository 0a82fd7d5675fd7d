"""The reference application's statements, run inside a transaction of the caller's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tickover.database import Async
from tickover.outreach.reading.intent import Guess
from tickover.outreach.reading.scoring import LeadFacts
from tickover.outreach.states import Channel, Direction, DraftState, Interest, Source, sources
from tickover.sql import statement

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from a lead. `raw` is an e-mail's bytes, `body` an SMS's text."""

    id: int
    lead_id: int
    raw: bytes | None
    body: str | None
    processed: bool
    occurred_at: datetime
    lead_name: str


@dataclass(frozen=True, slots=True)
class Understood:
    """What was read from a message, as it is kept beside it."""

    subject: str | None
    body: str
    interest: Interest
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft, locked until the transaction ends."""

    id: int
    lead_id: int
    channel: Channel
    subject: str | None
    body: str
    state: DraftState
    send_at: datetime


class Inbox:
    """One client's leads, messages, drafts and memories.

    Args:
        connection: inside a transaction; nothing here commits.
        client_id: whose rows; no other client's are seen.
    """

    def __init__(self, connection: Async, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def read_inbound(self, message_id: int, channel: Channel) -> Inbound | None:
        """A message from a lead, or None where this client has none of that id on that channel."""
        parameters = {"id": message_id, "channel": channel, "inbound": Direction.INBOUND}
        return await self._one(Inbound, "read_inbound", parameters)

    async def finish_inbound(self, message_id: int, understood: Understood, now: datetime) -> bool:
        """Keep what was read. False, and nothing kept, where the message was processed before."""
        parameters = {
            "id": message_id,
            "subject": understood.subject,
            "body": understood.body,
            "interest": understood.interest,
            "notes": list(understood.notes),
            "now": now,
        }
        return await self._run("finish_inbound", parameters) == 1

    async def lock_lead(self, lead_id: int) -> bool:
        """Whether the lead has opted out; that stays so until the transaction ends. A deleted lead counts as such."""
        async with self._connection.cursor() as cursor:
            await cursor.execute(_sql("lock_lead"), {"lead_id": lead_id, "client_id": self._client_id})
            row = await cursor.fetchone()
        return True if row is None else bool(row[0])

    async def opt_out(self, lead_id: int, now: datetime) -> None:
        """No message goes to this lead from now on."""
        await self._run("opt_out_lead", {"lead_id": lead_id, "now": now})

    async def remember_about_lead(self, lead_id: int, guess: Guess, expires_at: datetime) -> None:
        """Keep a guess about a lead, until it expires."""
        await self._run("remember_about_lead", {"lead_id": lead_id, **_memory(guess, expires_at)})

    async def remember_in_workspace(self, guess: Guess, expires_at: datetime) -> None:
        """Keep a guess for everybody who works for the client, until it expires."""
        await self._run("remember_in_workspace", _memory(guess, expires_at))

    async def open_pipeline_run(self, lead_id: int, message_id: int, artifacts: Mapping[str, Any]) -> None:
        """Record how a draft came about: a run and what each of its stages made."""
        run_id = await self._value("open_pipeline_run", {"lead_id": lead_id, "message_id": message_id})
        for stage, content in artifacts.items():
            await self._run("add_artifact", {"run_id": run_id, "stage": stage, "content": Jsonb(content)})

    async def add_draft(
        self, inbound: Inbound, channel: Channel, subject: str | None, body: str, state: DraftState, send_at: datetime
    ) -> int:
        """Store the answer to a message; returns its id."""
        parameters = {
            "lead_id": inbound.lead_id,
            "reply_to": inbound.id,
            "channel": channel,
            "subject": subject,
            "body": body,
            "state": state,
            "send_at": send_at,
        }
        return await self._value("add_draft", parameters)

    async def enqueue(
        self, kind: str, payload: Mapping[str, Any], run_at: datetime | None = None, dedupe_key: str | None = None
    ) -> None:
        """Enqueue a job that exists when the transaction commits."""
        parameters = {"kind": kind, "payload": Jsonb(dict(payload)), "run_at": run_at, "dedupe_key": dedupe_key}
        await self._value("enqueue_job", parameters)

    async def lock_draft(self, draft_id: int) -> Draft | None:
        """A draft, locked until the transaction ends, or None where this client has none of that id."""
        return await self._one(Draft, "lock_draft", {"id": draft_id})

    async def move_draft(self, draft_id: int, target: DraftState, now: datetime) -> bool:
        """Move a draft along the table of moves. False, and nothing changed, where its state does not lead there."""
        parameters = {"id": draft_id, "target": target, "sources": sources(target), "now": now}
        return await self._run("move_draft", parameters) == 1

    async def send(self, draft: Draft, now: datetime) -> None:
        """Store the message of a draft, if it has none yet."""
        parameters = {
            "lead_id": draft.lead_id,
            "outbound": Direction.OUTBOUND,
            "channel": draft.channel,
            "external_id": f"draft-{draft.id}",
            "subject": draft.subject,
            "body": draft.body,
            "draft_id": draft.id,
            "now": now,
        }
        await self._run("send_message", parameters)

    async def lead_facts(self, lead_id: int) -> LeadFacts | None:
        """What a lead's score is made of, or None where this client has no such lead."""
        parameters = {
            "lead_id": lead_id,
            "inbound": Direction.INBOUND,
            "interested": Interest.INTERESTED,
            "declined": Interest.DECLINED,
        }
        return await self._one(LeadFacts, "read_lead_facts", parameters)

    async def score_lead(self, lead_id: int, score: int, now: datetime) -> None:
        """Keep a lead's score."""
        await self._run("score_lead", {"lead_id": lead_id, "score": score, "now": now})

    async def sync_lead(self, lead_id: int) -> bool:
        """Bring a lead's counters in line with its messages. False where this client has no such lead."""
        parameters = {"lead_id": lead_id, "inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
        return await self._run("sync_lead", parameters) == 1

    async def unsent_drafts(self, lead_id: int, now: datetime) -> list[int]:
        """Ids of a lead's approved drafts that are due, at most 20."""
        async with self._connection.cursor() as cursor:
            parameters = {"lead_id": lead_id, "approved": DraftState.APPROVED, "now": now}
            await cursor.execute(_sql("list_unsent_drafts"), parameters)
            return [int(row[0]) for row in await cursor.fetchall()]

    async def _one(self, row: type[Row], name: str, parameters: Mapping[str, Any]) -> Row | None:
        async with self._connection.cursor(row_factory=class_row(row)) as cursor:
            await cursor.execute(_sql(name), {"client_id": self._client_id, **parameters})
            return await cursor.fetchone()

    async def _value(self, name: str, parameters: Mapping[str, Any]) -> int:
        async with self._connection.cursor() as cursor:
            await cursor.execute(_sql(name), {"client_id": self._client_id, **parameters})
            row = await cursor.fetchone()
        if row is None:
            raise LookupError(f"{name} returned no row")
        return int(row[0])

    async def _run(self, name: str, parameters: Mapping[str, Any]) -> int:
        return (await self._connection.execute(_sql(name), {"client_id": self._client_id, **parameters})).rowcount


def _memory(guess: Guess, expires_at: datetime) -> dict[str, Any]:
    return {
        "inference": Source.INFERENCE,
        "topic": guess.topic,
        "content": guess.content,
        "expires_at": expires_at,
    }


def _sql(name: str) -> bytes:
    return statement(name, "tickover.outreach.sql")
