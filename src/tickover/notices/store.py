"""The rows of notices and of their deliveries. States move here only, and only as the table of moves allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row, scalar_row
from psycopg.types.json import Jsonb

from tickover.contract import Route
from tickover.database import Async, Database
from tickover.ledger.facts import RECENT, Refusal
from tickover.ledger.states import State
from tickover.notices.meaning import Surroundings
from tickover.notices.notice import Delivery, Notice
from tickover.notices.rules import Change, require_move
from tickover.notices.states import DeliveryState, Kind, NoticeState, Severity
from tickover.notices.timing import GIVES_UP_AFTER, KNOWN_FOR
from tickover.sql import statement
from tickover.ticks.trouble import (
    DEAD_WITHIN,
    LOOKED_BACK,
    MOST_DEAD,
    TICKS,
    DeadLetters,
    OpenCircuit,
    Outcome,
    StaleLook,
)

_LEASE = timedelta(seconds=60)  # longer than a round of deliveries may take
_AT_ONCE = 100  # deliveries
_FORGOTTEN_AT_ONCE = 500
_HOUR = timedelta(hours=1)
_KEPT = {field.name for field in fields(Notice)} - {"due", "last_error"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of notices.

    Args:
        notices: the live ones, and those that closed within a day.
        is_due: whether something is to be delivered now.
    """

    notices: Sequence[Notice]
    is_due: bool


class NoticeStore:
    """Notices and deliveries.

    Args:
        database: where they stand.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look_around(self, route: Route, now: datetime) -> Surroundings:
        """What stands in the database around a route, in one question."""
        parameters = {
            "route": route.id,
            "functions": [function.id for function in route.functions],
            "responsibilities": [r.id for function in route.functions for r in function.responsibilities],
            "since": now - LOOKED_BACK,
            "most": TICKS,
            "died_since": now - DEAD_WITHIN,
            "most_dead": MOST_DEAD,
            "recent": RECENT,
            "now": now,
        }
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("notices/look_around"), parameters)
            row = (await cursor.fetchall())[0]
        circuit = row["circuit"]
        return Surroundings(
            [_outcome(found) for found in row["obligations"] or ()],
            None if circuit is None else OpenCircuit(datetime.fromisoformat(circuit["since"]), circuit["reason"]),
            [StaleLook(**_at(found, "at")) for found in row["stale"] or ()],
            [DeadLetters(**_at(found, "last_at")) for found in row["dead"] or ()],
            [Refusal.of(found) for found in row["refusals"] or ()],
        )

    async def standing(self, destinations: Sequence[str], now: datetime) -> Standing:
        """The notices that a look has to know, and whether something is to be delivered, in one question.

        Args:
            destinations: what can be delivered to here.
            now: the time.
        """
        parameters = {"destinations": list(destinations), "now": now, "ended_since": now - KNOWN_FOR}
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("notices/read_live"), parameters)
            rows = await cursor.fetchall()
        notices = [_notice(row) for row in rows if row["id"] is not None]
        return Standing(notices, bool(rows[0]["is_due"]))

    async def apply(self, changes: Sequence[Change], destinations: Sequence[str]) -> bool:
        """Move notices, each together with what is to be told of it. What another replica has moved is left to it.

        Args:
            changes: as decided.
            destinations: where somebody is told.

        Returns:
            Whether something is to be told.
        """
        is_due = False
        async with self._database.connection() as connection:
            for change in changes:
                if change.before is not None:
                    require_move(change.before.state, change.state)
                is_kept = await _apply(connection, change, destinations)
                is_due = is_due or (is_kept and change.tells is not None)
        return is_due and bool(destinations)

    async def claim(self, destination: str, now: datetime) -> tuple[list[Delivery], list[datetime]]:
        """Claim what is due to a destination, and when messages of the last hour were sent there."""
        parameters = {
            "destination": destination,
            "now": now,
            "lease": _LEASE,
            "most": _AT_ONCE,
            "since": now - _HOUR,
        }
        async with self._database.transaction() as connection:
            await connection.execute(statement("notices/lock_destination"), parameters)
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(statement("notices/claim_deliveries"), parameters)
                deliveries = [_delivery(row) for row in await cursor.fetchall()]
            async with connection.cursor(row_factory=scalar_row) as cursor:
                await cursor.execute(statement("notices/list_sent"), parameters)
                sent = await cursor.fetchall()
        return sorted(deliveries, key=lambda delivery: delivery.id), sent

    async def hold(self, deliveries: Sequence[Delivery], until: Sequence[datetime]) -> None:
        """Give claimed deliveries back, to be due again later."""
        if deliveries:
            await self._execute("notices/hold_deliveries", {"ids": _ids(deliveries), "until": list(until)})

    async def sent(self, deliveries: Sequence[Delivery], message: UUID, now: datetime) -> None:
        """Record that a message was taken."""
        await self._execute("notices/record_sent", {"ids": _ids(deliveries), "message": message, "now": now})

    async def unsent(self, deliveries: Sequence[Delivery], error: str, due_at: datetime, now: datetime) -> list[int]:
        """Record that a message could not be sent; the deliveries that are given up with that."""
        parameters = {
            "ids": _ids(deliveries),
            "error": error,
            "due_at": due_at,
            "given_up_before": now - GIVES_UP_AFTER,
        }
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("notices/record_unsent"), parameters)
            return [row[0] for row in await cursor.fetchall() if row[1] == "abandoned"]

    async def read(self, ids: Sequence[int]) -> list[Notice]:
        """Notices by their numbers, the oldest first."""
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("notices/read_notices"), {"ids": list(ids)})
            return [_notice(row) for row in await cursor.fetchall()]

    async def list(self, states: Sequence[NoticeState], limit: int) -> list[Notice]:
        """Notices in these states, the newest first, with how their deliveries stand."""
        parameters = {"states": [str(state) for state in states], "limit": limit}
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("notices/list_notices"), parameters)
            return [_notice(row) for row in await cursor.fetchall()]

    async def forget(self, keep: timedelta, now: datetime) -> None:
        """Drop notices that ended long ago, a bounded number."""
        await self._execute("notices/forget_notices", {"keep": keep, "now": now, "most": _FORGOTTEN_AT_ONCE})

    async def audit_test(self, subject: str, by: str, evidence: Mapping[str, Any]) -> None:
        """Keep that somebody had test messages sent."""
        await self._execute("notices/audit_test", {"subject": subject, "by": by, "evidence": Jsonb(dict(evidence))})

    async def _execute(self, name: str, parameters: Mapping[str, Any]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement(name), parameters)


async def _apply(connection: Async, change: Change, destinations: Sequence[str]) -> bool:
    """Move one notice; False where another replica came first."""
    concern, before = change.concern, change.before
    known: dict[str, Any] = dict.fromkeys(("subjects", "text", "remedy", "affects", "done", "evidence"))
    if concern is not None:
        known = {
            "subjects": list(concern.subjects),
            "text": concern.text,
            "remedy": concern.remedy,
            "affects": list(concern.affects),
            "done": list(concern.done),
            "evidence": Jsonb(dict(concern.evidence)),
        }
    parameters: dict[str, Any] = {
        **known,
        "state": change.state,
        "tells": change.tells,
        "breaks": change.breaks,
        "flaps": change.flaps,
        "is_new": change.is_new,
        "is_seen": concern is not None,
        "destinations": list(destinations),
        "now": change.at,
    }
    if before is not None:
        name, parameters = "notices/move_notice", parameters | {"id": before.id, "version": before.version}
    elif concern is not None:
        named = {"key": concern.key, "scope": concern.scope, "code": concern.code, "severity": concern.severity}
        name, parameters = "notices/begin_notice", parameters | named
    else:
        raise ValueError("a notice does not begin without a concern")
    cursor = await connection.execute(statement(name), parameters)
    return await cursor.fetchone() is not None


def _ids(deliveries: Sequence[Delivery]) -> list[int]:
    return [delivery.id for delivery in deliveries]


def _notice(row: Mapping[str, Any]) -> Notice:
    known = {name: value for name, value in row.items() if name in _KEPT or name in {"due", "last_error"}}
    return Notice(**{**known, "state": NoticeState(row["state"]), "severity": Severity(row["severity"])})


def _delivery(row: Mapping[str, Any]) -> Delivery:
    state, severity = DeliveryState(row["state"]), Severity(row["severity"])
    return Delivery(**{**row, "kind": Kind(row["kind"]), "state": state, "severity": severity})


def _outcome(row: Mapping[str, Any]) -> Outcome:
    found = {name: row[name] for name in Outcome.__slots__}
    return Outcome(**{**found, "state": State(row["state"]), "at": datetime.fromisoformat(row["at"])})


def _at(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**row, name: datetime.fromisoformat(row[name])}
