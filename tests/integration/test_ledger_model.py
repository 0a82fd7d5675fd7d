"""The ledger in memory, which the simulation stands on, is held to the real one: the same acts, the same answers."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Rows
from tests.integration.test_circuit import let_pass
from tests.simulation.model import Model
from tickover.database import Database
from tickover.ledger.circuits import Announcement, Circuits
from tickover.ledger.states import Path, State
from tickover.ledger.store import Ledger, NewTick
from tickover.rollout.stages import Control, Stage

# No sum of the spans that pass is within fifty seconds of any of these, so what the test itself takes decides nothing.
LEASE_S, START_BY, FINISH_BY, REST = 3050, timedelta(seconds=6050), timedelta(seconds=20_050), timedelta(seconds=30_050)
STRANDED_S = 850
SPANS = (300, 2_000, 4_000, 11_000, 25_000)
FUNCTIONS = ("process", "maintain")
CLIENTS = (None, None, None, "acme")
STEPS = 120


@dataclass
class Both:
    """The real ledger and the model, and what was won on each."""

    ledger: Ledger
    circuits: Circuits
    model: Model
    rows: Rows
    chance: random.Random
    passed: timedelta = timedelta()
    keys: list[str] = field(default_factory=list)
    claims: list[tuple[Any, Any]] = field(default_factory=list)

    async def act(self) -> tuple[Any, Any]:
        """Do something, chosen by chance, on both; what each answered."""
        acts = [
            self.record, self.record, self.accept, self.fail_send, self.claim, self.claim, self.claim, self.renew,
            self.result, self.finish, self.finish, self.defer, self.complete, self.let_pass, self.let_pass, self.divert,
            self.announce, self.probe, self.move, self.withdraw,
        ]  # fmt: skip
        self.passed += timedelta(milliseconds=1)  # as some always passes between two statements
        answers = await self.chance.choice(acts)()
        self.passed += timedelta(milliseconds=1)
        return answers

    async def record(self) -> tuple[Any, Any]:
        """A tick, or one that is known already."""
        is_again = bool(self.keys) and self.chance.random() < 0.2
        key = self.chance.choice(self.keys) if is_again else f"t{len(self.keys)}"
        source = self.chance.choice(("clock", "clock", "continuation"))
        client = self.chance.choice(CLIENTS)
        tick = NewTick(key, "r", client, source, "dispatch", "", "c", dict.fromkeys(FUNCTIONS, START_BY))
        if not is_again:
            self.keys.append(key)
        return await self.ledger.record(tick), self.model.record(tick)

    async def accept(self) -> tuple[Any, Any]:
        """The engine took a tick's events."""
        key, owed = self.key(), dict.fromkeys(FUNCTIONS, START_BY)
        await self.ledger.accept(key, ["e"], owed)
        self.model.accept(key, ["e"], owed)
        return None, None

    async def fail_send(self) -> tuple[Any, Any]:
        """It did not."""
        key, error = self.key(), {"kind": "timeout"}
        await self.ledger.fail_send(key, "fallback", "x", error)
        self.model.fail_send(key, "fallback", "x", error)
        return None, None

    async def claim(self) -> tuple[Any, Any]:
        """Somebody wants an obligation."""
        key, function, path = (
            self.key(),
            self.chance.choice(FUNCTIONS),
            self.chance.choice(sorted(set(Path) - {Path.SHADOW})),
        )
        real = await self.ledger.claim(key, function, path, FINISH_BY, "run")
        model = self.model.claim(key, function, path, FINISH_BY, "run")
        if real and model:
            self.claims.append((real, model))
        return tuple(
            c and (c.fence, c.attempt, c.client_id, c.route, c.is_first, sorted(c.done)) for c in (real, model)
        )  # type: ignore[return-value] # two

    async def renew(self) -> tuple[Any, Any]:
        """A holder, or one that was, holds on."""
        real, model = self.held()
        return await self.ledger.renew(real.id, real.fence), self.model.renew(model.id, model.fence)

    async def result(self) -> tuple[Any, Any]:
        """It records a result, once for each claim."""
        real, model = self.held()
        name, error = f"r{real.attempt}-{self.chance.random()}", self.chance.choice((None, "no disk"))
        return (
            await self.ledger.record_responsibility(real.id, real.fence, name, 1.0, {"error": error}),
            self.model.record_responsibility(model.id, model.fence, name, error),
        )

    async def finish(self) -> tuple[Any, Any]:
        """It ends its attempt, in one way or another."""
        real, model = self.held()
        state = self.chance.choice((State.SUCCEEDED, State.SUCCEEDED, State.RETRYING, State.INTERRUPTED, State.FAILED))
        ended = (
            await self.ledger.finish(real.id, real.fence, state, None),
            self.model.finish(model.id, model.fence, state, None),
        )
        return tuple(f and f.covered for f in ended)  # type: ignore[return-value] # two

    async def defer(self) -> tuple[Any, Any]:
        """Its function is busy."""
        key, function = self.key(), self.chance.choice(FUNCTIONS)
        await self.ledger.defer(key, function)
        self.model.defer(key, function)
        return None, None

    async def complete(self) -> tuple[Any, Any]:
        """Is all of a tick done?"""
        key = self.key()
        return await self.ledger.complete(key), self.model.complete(key)

    async def divert(self) -> tuple[Any, Any]:
        """The circuit turns a tick inline."""
        key = self.key()
        await self.circuits.divert(key, "inline", "open")
        self.model.divert(key, "inline", "open")
        return None, None

    async def announce(self) -> tuple[Any, Any]:
        """The circuit changes, or does not."""
        state = self.chance.choice(("open", "closed"))
        real = await self.circuits.announce(Announcement("r", state, f"circuit.{state}", "t", "", {}))
        return real, self.model.announce("r", state)

    async def probe(self) -> tuple[Any, Any]:
        """A tick wants to probe."""
        return await self.circuits.claim_probe("r", REST), self.model.claim_probe("r", REST)

    async def move(self) -> tuple[Any, Any]:
        """A function is moved to another stage."""
        function, stage = self.chance.choice(FUNCTIONS), self.chance.choice(("inline", "shadow", "durable", "durable"))
        self.rows(
            "INSERT INTO tickover.control (function, stage, changed_by, reason, changed_at) "
            "VALUES (%s, %s, 'a', 'b', now()) ON CONFLICT (function) DO UPDATE "
            "SET (stage, changed_by, reason, changed_at) = (excluded.stage, 'a', 'b', now())",
            function,
            stage,
        )
        self.model.controls[function] = Control(function, Stage(stage))
        return None, None

    async def withdraw(self) -> tuple[Any, Any]:
        """What was handed over of it is taken back, if it is inline."""
        key, function = self.chance.choice((None, self.key())), self.chance.choice(FUNCTIONS)
        return await self.ledger.withdraw(function, key), self.model.withdraw(function, key)

    async def let_pass(self) -> tuple[Any, Any]:
        """Time passes."""
        span = self.chance.choice(SPANS)
        let_pass(self.rows, f"{span} seconds")
        self.passed += timedelta(seconds=span)
        return None, None

    def key(self) -> str:
        """One of the ticks, rather a new one."""
        return self.keys[max(0, len(self.keys) - 1 - int(self.chance.expovariate(0.5)))]

    def held(self) -> tuple[Any, Any]:
        """A claim that was won once, rather of late."""
        return self.claims[max(0, len(self.claims) - 1 - int(self.chance.expovariate(0.7)))]

    async def seen(self) -> tuple[Any, Any]:
        """What can be read of all of it, on both."""
        real_rows = self.rows(
            "SELECT t.dispatch_key, o.function, o.state, o.path, o.fence, o.attempt, c.path AS covered_path, "
            "tickover.is_late(o) AS late, tickover.fate(o) AS fate, o.accepted_at IS NOT NULL AS accepted, "
            "o.failed_durably, t.mode, t.completed_at IS NOT NULL AS completed "
            "FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id "
            "LEFT JOIN tickover.obligation c ON c.id = o.covered_by ORDER BY o.id"
        )
        model_rows = [
            {
                "dispatch_key": o.tick.dispatch_key, "function": o.function, "state": str(o.state),
                "path": o.path and str(o.path), "fence": o.fence, "attempt": o.attempt,
                "covered_path": o.covered_by and o.covered_by.path and str(o.covered_by.path),
                "late": bool(self.model.is_late(o)), "fate": self.model.fate(o),
                "accepted": o.accepted_at is not None, "failed_durably": o.failed_durably, "mode": o.tick.mode,
                "completed": o.tick.completed_at is not None,
            }
            for o in self.model.obligations.values()
        ]  # fmt: skip
        for row in real_rows:
            row["late"] = bool(row["late"])
        return [*real_rows, *await self.asked()], [*model_rows, *self.asked_of_model()]

    async def asked(self) -> list[Any]:
        """The questions of a tick, put to the real one."""
        overdue = await self.ledger.overdue(FUNCTIONS)
        circuit = await self.circuits.read("r", 3)
        known = [(o.function, o.state, o.stranded) for o in await self.ledger.read(self.key_0, STRANDED_S)]
        return [_overdue(overdue), _circuit(circuit), known]

    def asked_of_model(self) -> list[Any]:
        """The same, put to the model."""
        known = [(o.function, o.state, o.stranded) for o in self.model.read(self.key_0, STRANDED_S)]
        return [_overdue(self.model.overdue(FUNCTIONS)), _circuit(self.model.read_circuit("r", 3)), known]

    @property
    def key_0(self) -> str:
        """The newest tick."""
        return self.keys[-1]


def _overdue(found: Any) -> list[Any]:
    return sorted((o.function, str(o.client_id), o.dispatch_key, str(o.state), o.late) for o in found)


def _circuit(found: Any) -> Any:
    attempts = [(a.dispatch_key, a.send_error, a.missed, a.settled_at is not None) for a in found.attempts]
    return (found.announced, found.probed_at is not None, attempts)


@pytest.mark.parametrize("seed", range(6))
async def test_the_model_answers_as_the_ledger_does(database: Database, rows: Rows, seed: int) -> None:
    """A hundred and twenty acts by chance: after each, every row and every question a tick asks has one answer."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    begun = datetime.now(UTC)
    both = Both(
        Ledger(database, LEASE_S), Circuits(database), Model(lambda: begun + both.passed, LEASE_S), rows, chance
    )
    await both.record()
    while not both.claims:
        await both.claim()
    for step in range(STEPS):
        real, model = await both.act()
        assert real == model, f"step {step}"
        real, model = await both.seen()
        assert real == model, f"step {step}"
    states = {row["state"] for row in rows("SELECT DISTINCT state FROM tickover.obligation")}
    assert len(states) >= 3
