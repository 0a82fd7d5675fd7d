"""The reference application's tables, one client's lead in them, and jobs to hand to a handler."""

import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import structlog
from psycopg import sql
from psycopg.rows import dict_row

from tests.conftest import database_uri
from tests.runs import MakeRun, run_factory
from tickover.database import Database
from tickover.execution.budget import Budget
from tickover.jobs.claims import Claimed
from tickover.jobs.handler import Job
from tickover.migrations import migrate
from tickover.outreach.schema import OUTREACH

_TEMPLATE = "outreach_template"
CLIENT = "acme"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database at the newest revision of both histories, to be cloned."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    dsn = database_uri(postgres, _TEMPLATE)
    migrate(dsn)
    migrate(dsn, OUTREACH)
    return _TEMPLATE


@pytest.fixture
def make_run(database: Database) -> MakeRun:
    """Win an obligation of a new tick, and give the run."""
    return run_factory(database)


Ask = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def ask(database: Database) -> Ask:
    """Run a statement and give its rows."""

    async def execute(query: str, **parameters: Any) -> list[dict[str, Any]]:
        async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []

    return execute


_ADD_LEAD = """
INSERT INTO outreach.lead (client_id, name, email) VALUES (%(client_id)s, 'Ada Novak', %(email)s) RETURNING id
"""
_ADD_MESSAGE = """
INSERT INTO outreach.message (client_id, lead_id, direction, channel, external_id, raw, body, draft_id)
VALUES (%(client_id)s, %(lead_id)s, %(direction)s, %(channel)s, %(external_id)s, %(raw)s, %(body)s, %(draft_id)s)
RETURNING id
"""
_ADD_DRAFT = """
INSERT INTO outreach.ai_draft (client_id, lead_id, channel, subject, body, state, state_changed_at, send_at)
VALUES (%(client_id)s, %(lead_id)s, 'email', 'Re: Hello', 'Hi Ada', %(state)s,
        now() - make_interval(mins => %(minutes)s), now() + make_interval(mins => %(send_in)s))
RETURNING id
"""
_CLAIMED_JOB = """
INSERT INTO tickover.job (kind, client_id, payload, state, attempts, fence)
VALUES (%(kind)s, %(client_id)s, '{}', 'running', 1, 1) RETURNING id
"""


@dataclass
class Office:
    """What a test puts into the inbox, and the jobs it hands to handlers."""

    database: Database
    ask: Ask
    lead_id: int

    async def lead(self, client_id: str = CLIENT) -> int:
        """Another lead."""
        rows = await self.ask(_ADD_LEAD, client_id=client_id, email=f"{next(_numbers)}@example.com")
        return int(rows[0]["id"])

    async def email(self, text: str, *headers: str, lead_id: int | None = None) -> int:
        """An e-mail that has arrived."""
        raw = "\r\n".join(["From: Ada <ada@example.com>", "Subject: Re: Hello", *headers, "", text]).encode()
        return await self.message(raw=raw, lead_id=lead_id)

    async def message(
        self,
        *,
        raw: bytes | None = None,
        body: str | None = None,
        direction: str = "inbound",
        channel: str = "email",
        draft_id: int | None = None,
        lead_id: int | None = None,
    ) -> int:
        """Any message."""
        rows = await self.ask(
            _ADD_MESSAGE,
            client_id=CLIENT,
            lead_id=lead_id or self.lead_id,
            direction=direction,
            channel=channel,
            external_id=str(next(_numbers)),
            raw=raw,
            body=body,
            draft_id=draft_id,
        )
        return int(rows[0]["id"])

    async def draft(self, state: str, *, minutes: int = 0, send_in: int = -1, lead_id: int | None = None) -> int:
        """A draft in a state since so many minutes, to be sent in so many."""
        rows = await self.ask(
            _ADD_DRAFT, client_id=CLIENT, lead_id=lead_id or self.lead_id, state=state, minutes=minutes, send_in=send_in
        )
        return int(rows[0]["id"])

    async def draft_states(self) -> dict[int, str]:
        """The state of every draft."""
        return {row["id"]: row["state"] for row in await self.ask("SELECT id, state FROM outreach.ai_draft")}

    async def count(self, table: str) -> int:
        """How many rows a table of the application has."""
        return int((await self.ask(f"SELECT count(*) AS n FROM outreach.{table}"))[0]["n"])  # noqa: S608 - a name

    async def jobs(self) -> list[str]:
        """The kinds of the jobs that were enqueued, in order."""
        return [
            row["kind"]
            for row in await self.ask(
                "SELECT kind FROM tickover.job WHERE state IN ('queued', 'scheduled') ORDER BY id"
            )
        ]

    def job(self, kind: str, payload: Mapping[str, Any] | None, client_id: str | None = CLIENT) -> Job:
        """An attempt at a job whose row is claimed."""
        with psycopg.connect(self.database.dsn, autocommit=True) as connection:
            ((job_id,),) = connection.execute(_CLAIMED_JOB, {"kind": kind, "client_id": client_id}).fetchall()
        claimed = Claimed(job_id, 1, kind, client_id, json.dumps(payload), 1, 5, 30, 0)
        return Job(claimed, Budget.of(30), self.database, structlog.stdlib.get_logger("test"))


@pytest.fixture
async def office(database: Database, ask: Ask) -> Office:
    """An inbox with one lead."""
    office = Office(database, ask, 0)
    office.lead_id = await office.lead()
    return office
