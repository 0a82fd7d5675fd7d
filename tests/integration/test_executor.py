"""Carrying out obligations against a real PostgreSQL: claims, fences, leases, what is done and not done again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product

import pytest
from psycopg import OperationalError

from tests.integration.conftest import Probe, Rows, probe_contract
from tests.waiting import eventually
from tickover import Function, Responsibility, Run, Summary
from tickover.database import Database
from tickover.errors import LeaseLostError
from tickover.execution.budget import Budget
from tickover.execution.executor import Executed, Executor, Order, Skipped
from tickover.heartbeats.pinger import Heartbeats
from tickover.ledger.refusals import Refusals
from tickover.ledger.states import CLAIMABLE, MOVES, Path, State
from tickover.ledger.store import Ledger, NewTick
from tickover.status.link import RedisLink
from tickover.status.store import StatusStore
from tickover.ticks.watchdog import Recovery, Watchdog

MINUTE = timedelta(minutes=1)


@dataclass
class Bench:
    """A ledger, an executor and the probe's functions."""

    ledger: Ledger
    executor: Executor
    watchdog: Watchdog
    process: Function
    maintain: Function

    async def owe(self, key: str, function: Function) -> None:
        """Record a tick that owes one function."""
        tick = NewTick(key, "background-jobs", None, "clock", "dispatch", "a test", "c-1", {function.id: MINUTE})
        assert await self.ledger.record(tick)

    async def settle(self) -> Sequence[Recovery]:
        """Carry out what is late."""
        return await self.watchdog.settle(await self.watchdog.look(), Budget.of(60))

    async def run(
        self, key: str, function: Function, path: Path = Path.DURABLE, *, run_id: str = "run-1", final: bool = True
    ) -> Executed | Skipped:
        """Carry out one obligation."""
        return await self.executor.execute(Order(function, key, path, Budget.of(60), run_id=run_id, final=final))


@pytest.fixture
async def bench(database: Database, probe: Probe) -> Bench:
    """A bench over the test's own database, with leases of 1.5 s."""
    ledger = Ledger(database, lease_s=1.5)
    status = StatusStore(RedisLink(None, 0.2), ledger, ttl=60, environment="test:test")
    executor = Executor(database, ledger, status, Heartbeats({}, ledger))
    contract = probe_contract(probe)
    process, maintain = contract.functions
    return Bench(ledger, executor, Watchdog(contract, ledger, Refusals(database), executor), process, maintain)


async def test_i3_two_executors_want_one_obligation_and_one_gets_it(bench: Bench, probe: Probe) -> None:
    """Of ten at once, one carries it out; the others are told who has it."""
    await bench.owe("k", bench.process)
    outcomes = await asyncio.gather(*(bench.run("k", bench.process, run_id=f"run-{n}") for n in range(10)))
    skipped = [outcome for outcome in outcomes if isinstance(outcome, Skipped)]
    assert len(skipped) == 9
    assert {s.holder.path for s in skipped if s.holder is not None} == {"durable"}
    assert probe.ran() == ["queue-drain"]


async def test_r02_a_late_durable_run_does_nothing_and_says_who_did(bench: Bench, probe: Probe) -> None:
    """The answer of the send was lost: the fallback did the work, and the run that comes later is skipped."""
    await bench.owe("k", bench.process)
    await bench.run("k", bench.process, Path.FALLBACK)
    late = await bench.run("k", bench.process)
    assert isinstance(late, Skipped)
    assert late.holder is not None
    assert (late.holder.state, late.holder.path) == ("succeeded", "fallback")
    assert probe.ran() == ["queue-drain"]


async def test_a_retry_runs_only_what_has_not_succeeded(bench: Bench, probe: Probe, rows: Rows) -> None:
    """A failing responsibility keeps no other from running; the retry runs it alone."""
    await bench.owe("k", bench.maintain)

    async def fail(_: Run) -> Summary:
        raise ValueError("bad draft")

    probe.bodies["prune"] = fail
    first = await bench.run("k", bench.maintain, final=False)
    assert isinstance(first, Executed)
    assert (first.state, first.error) == ("retrying", "prune: ValueError: bad draft")
    assert probe.ran() == ["prune", "queue-health"]
    del probe.bodies["prune"]
    second = await bench.run("k", bench.maintain)
    assert isinstance(second, Executed)
    assert (second.state, second.attempt, list(second.summaries)) == ("succeeded", 2, ["prune"])
    kept = rows("SELECT responsibility, error FROM tickover.responsibility_run ORDER BY id")
    assert [row["responsibility"] for row in kept] == ["prune", "queue-health", "prune"]


@pytest.mark.parametrize(
    ("summary", "fault"),
    [
        (Summary(error="it says so itself"), "it says so itself"),
        (Summary(details={"x": float("nan")}), "ValueError"),
        (Summary(details={"x": {1, 2}}), "TypeError"),
        (Summary(details={"x": "\0"}), "NUL"),
        (Summary(changed=2.5), "changed is a whole number"),  # type: ignore[arg-type]
        (Summary(looked_at=10**30), "looked_at is a whole number"),
        (Summary(looked_at=True), "looked_at is a whole number"),
        (Summary(changed=-1), "changed is a whole number"),
        (Summary(details={"left": "some"}), "left is a whole number"),
        (None, "returned NoneType; return a Summary"),
    ],
)
async def test_a_summary_that_cannot_be_kept_is_a_failure(
    bench: Bench, probe: Probe, summary: Summary, fault: str
) -> None:
    """Tried: an error in it, NaN, a set, a NUL character, counts that count nothing, nothing at all."""
    await bench.owe("k", bench.process)

    async def answer(_: Run) -> Summary:
        return summary

    probe.bodies["queue-drain"] = answer
    outcome = await bench.run("k", bench.process)
    assert isinstance(outcome, Executed)
    assert outcome.state == "failed"
    assert fault in (outcome.error or "")


async def test_i3_who_lost_the_lease_starts_no_batch_and_records_nothing(
    bench: Bench, probe: Probe, rows: Rows
) -> None:
    """Another executor takes over in mid-run: the first may start no batch, and only the second's result stands."""
    await bench.owe("k", bench.process)
    refused = []

    async def overtaken(run: Run) -> Summary:
        rows("UPDATE tickover.obligation SET lease_expires_at = now() - interval '1 s'")
        del probe.bodies["queue-drain"]
        await bench.run("k", bench.process, Path.RECOVERY)
        try:
            async with run.batch():
                pass
        except LeaseLostError as error:
            refused.append(str(error))
            raise
        return Summary()

    probe.bodies["queue-drain"] = overtaken
    first = await bench.run("k", bench.process)
    assert isinstance(first, Skipped)
    assert first.holder is not None
    assert (first.holder.state, first.holder.path) == ("succeeded", "recovery")
    assert len(refused) == 1
    assert rows("SELECT path, fence FROM tickover.responsibility_run") == [{"path": "recovery", "fence": 2}]


async def test_i3_a_live_lease_is_renewed_and_not_taken(bench: Bench, probe: Probe) -> None:
    """A run that outlives its lease keeps it: nobody else gets in meanwhile."""
    await bench.owe("k", bench.process)
    others = []

    async def long(run: Run) -> Summary:
        first = await bench.ledger.holder("k", "process")

        async def renewed() -> bool:
            return await bench.ledger.holder("k", "process") != first

        await eventually(renewed)
        assert run.may_go_on()
        others.append(await bench.run("k", bench.process, run_id="run-2"))
        return Summary()

    probe.bodies["queue-drain"] = long
    assert isinstance(await bench.run("k", bench.process), Executed)
    assert isinstance(others[0], Skipped)


async def test_f14_a_cut_off_run_gives_its_lease_back(bench: Bench, probe: Probe) -> None:
    """The host stops the process in mid-work: the obligation waits, and the next attempt gets it at once."""
    await bench.owe("k", bench.process)
    begun = asyncio.Event()

    async def endless(_: Run) -> Summary:
        begun.set()
        await asyncio.Event().wait()
        return Summary()

    probe.bodies["queue-drain"] = endless
    task = asyncio.create_task(bench.run("k", bench.process))
    await begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    holder = await bench.ledger.holder("k", "process")
    assert holder is not None
    assert (holder.state, holder.error) == ("interrupted", "interrupted")
    del probe.bodies["queue-drain"]
    assert isinstance(await bench.run("k", bench.process), Executed)


async def test_i10_work_that_overruns_its_budget_is_cut_off(bench: Bench, probe: Probe) -> None:
    """It ends as failed, and says how it should have stopped."""
    await bench.owe("k", bench.process)

    async def endless(_: Run) -> Summary:
        await asyncio.Event().wait()
        return Summary()

    probe.bodies["queue-drain"] = endless
    outcome = await bench.executor.execute(Order(bench.process, "k", Path.INLINE, Budget.of(0.2)))
    assert isinstance(outcome, Executed)
    assert "may_go_on" in (outcome.error or "")


async def test_f08_inline_work_is_single_flight_per_function(bench: Bench, probe: Probe) -> None:
    """While one tick's run is alive, another tick's inline run of the function waits; the next run covers it."""
    await bench.owe("k1", bench.process)
    await bench.owe("k2", bench.process)
    await bench.owe("k3", bench.process)
    inner = []

    async def meanwhile(_: Run) -> Summary:
        inner.append(await bench.run("k2", bench.process, Path.INLINE))
        return Summary()

    probe.bodies["queue-drain"] = meanwhile
    await bench.run("k1", bench.process, Path.INLINE)
    assert isinstance(inner[0], Skipped)
    assert inner[0].holder is not None
    assert inner[0].holder.state == "owed"
    del probe.bodies["queue-drain"]
    third = await bench.run("k3", bench.process, Path.INLINE)
    assert isinstance(third, Executed)
    assert third.covered == 1
    second = await bench.ledger.holder("k2", "process")
    assert second is not None
    assert (second.state, second.covered_path) == ("covered", "inline")


async def test_f14_what_was_cut_off_is_taken_up_again_and_not_for_ever(bench: Bench, probe: Probe, rows: Rows) -> None:
    """Its time is up on an inline path: interrupted, so late at once; as often as a failure is retried, then failed."""

    async def endless(_: Run) -> Summary:
        await asyncio.Event().wait()
        return Summary()

    await bench.owe("k1", bench.maintain)
    assert bench.maintain.retries == 1
    probe.bodies["prune"] = endless
    order = Order(bench.maintain, "k1", Path.INLINE, Budget.of(0.2))
    first = await bench.executor.execute(order)
    assert isinstance(first, Executed)
    assert (str(first.state), "cut off" in str(first.error)) == ("interrupted", True)
    (late,) = await bench.watchdog.look()
    assert (late.dispatch_key, late.state) == ("k1", "interrupted")
    second = await bench.executor.execute(replace(order, path=Path.RECOVERY, budget=Budget.of(0.2)))
    assert isinstance(second, Executed)
    assert str(second.state) == "failed"
    assert probe.ran().count("queue-health") == 1, "what had succeeded is not done again"
    assert rows("SELECT state FROM tickover.obligation") == [{"state": "failed"}]


async def test_f06_a_lease_is_not_renewed_by_an_executor_that_failed(
    bench: Bench, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database breaks off while a result is recorded: the lease expires, and the next attempt does the work."""

    async def break_off(*_: object) -> bool:
        raise OperationalError("server closed the connection unexpectedly")

    await bench.owe("k1", bench.process)
    with monkeypatch.context() as broken:
        broken.setattr(bench.ledger, "record_responsibility", break_off)
        with pytest.raises(OperationalError):
            await bench.run("k1", bench.process)
    assert not [task for task in asyncio.all_tasks() if "Executor._renew" in repr(task)], "the lease is held for ever"
    rows("UPDATE tickover.obligation SET lease_expires_at = now() - interval '1 s'")
    assert isinstance(await bench.run("k1", bench.process), Executed)


async def test_f06_work_ends_though_its_renewal_forgets_that_it_is_to_end(
    bench: Bench, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is over while its lease is renewed, and the wait for a connection swallows the cancellation."""
    renewing = asyncio.Event()

    async def deaf(*_: object) -> bool:
        renewing.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return True

    async def until_it_is_renewed(_: Run) -> Summary:
        await renewing.wait()
        return Summary()

    await bench.owe("k1", bench.process)
    monkeypatch.setattr(bench.ledger, "renew", deaf)
    probe.bodies["queue-drain"] = until_it_is_renewed
    async with asyncio.timeout(30):
        assert isinstance(await bench.run("k1", bench.process), Executed)


async def test_f05_accepted_is_not_done_and_what_never_starts_is_carried_out(
    bench: Bench, probe: Probe, rows: Rows
) -> None:
    """F2 too: three ticks were accepted and never called for; one recovery run covers all, and the cause is named."""
    for key in ("k1", "k2", "k3"):
        await bench.owe(key, bench.process)
        await bench.ledger.accept(key, ["e"], {"process": MINUTE})
    assert await bench.settle() == []
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s'")
    (recovery,) = await bench.settle()
    assert (recovery.overdue.late, recovery.overdue.dispatch_key) == (3, "k3")
    assert "INNGEST_SIGNING_KEY" in recovery.cause
    assert probe.ran() == ["queue-drain"]
    states = rows("SELECT state, path FROM tickover.obligation ORDER BY id")
    assert [row["state"] for row in states] == ["covered", "covered", "succeeded"]
    assert states[2]["path"] == "recovery"


async def test_a_dead_inline_executor_is_noticed_when_its_lease_has_expired(bench: Bench, rows: Rows) -> None:
    """Nobody calls again for inline work, so its time to finish is not waited for."""
    await bench.owe("k", bench.process)
    await bench.ledger.claim("k", "process", Path.INLINE, MINUTE)
    assert await bench.settle() == []
    rows("UPDATE tickover.obligation SET lease_expires_at = now() - interval '1 s'")
    (recovery,) = await bench.settle()
    assert recovery.outcome is not None
    assert recovery.outcome.state == "succeeded"


@pytest.mark.parametrize("state", State)
async def test_i3_a_claim_wins_only_what_the_table_lets_run(bench: Bench, rows: Rows, state: State) -> None:
    """In every state that may not move to running, and in running under a live lease, the claim is refused."""
    await bench.owe("k", bench.process)
    rows("UPDATE tickover.obligation SET state = %s, lease_expires_at = now() + interval '1 min'", state)
    claim = await bench.ledger.claim("k", "process", Path.DURABLE, MINUTE)
    assert (claim is not None) == (state in CLAIMABLE)


@pytest.mark.parametrize(("state", "to"), list(product(State, [State.SUCCEEDED, State.FAILED, State.RETRYING])))
async def test_an_end_is_refused_from_every_state_the_table_leaves_out(
    bench: Bench, rows: Rows, state: State, to: State
) -> None:
    """Only a running obligation can end, and only under its own fence."""
    await bench.owe("k", bench.process)
    claim = await bench.ledger.claim("k", "process", Path.DURABLE, MINUTE)
    assert claim is not None
    rows("UPDATE tickover.obligation SET state = %s", state)
    assert await bench.ledger.finish(claim.id, claim.fence - 1, to, None) is None
    finished = await bench.ledger.finish(claim.id, claim.fence, to, None)
    assert (finished is not None) == (to in MOVES[state])


@pytest.mark.parametrize("state", State)
async def test_acceptance_moves_only_what_is_owed(bench: Bench, rows: Rows, state: State) -> None:
    """A run that was quicker than the recording of its acceptance is not set back."""
    await bench.owe("k", bench.process)
    rows("UPDATE tickover.obligation SET state = %s", state)
    await bench.ledger.accept("k", ["e"], {"process": MINUTE})
    moved = rows("SELECT state FROM tickover.obligation")[0]["state"]
    assert moved == (State.ACCEPTED if State.ACCEPTED in MOVES[state] else state)


@pytest.mark.parametrize("state", State)
async def test_a_success_covers_only_what_the_table_lets_be_covered(bench: Bench, rows: Rows, state: State) -> None:
    """An older obligation that is late is covered; one that has ended stays as it is."""
    await bench.owe("old", bench.process)
    rows(
        "UPDATE tickover.obligation SET state = %s, path = 'durable', start_by = now() - interval '1 s', "
        "finish_by = now() - interval '1 s', lease_expires_at = now() - interval '1 s'",
        state,
    )
    await bench.owe("new", bench.process)
    await bench.run("new", bench.process)
    old = await bench.ledger.holder("old", "process")
    assert old is not None
    assert (old.state == State.COVERED) == (State.COVERED in MOVES[state] or state is State.COVERED)


async def test_a_sync_responsibility_runs_in_a_thread(bench: Bench, probe: Probe) -> None:
    """It gets the same run, and a fenced transaction of its own."""

    def count(run: Run) -> Summary:
        with run.sync_batch() as connection:
            row = connection.execute("SELECT count(*) FROM tickover.tick").fetchone()
        assert row is not None
        return Summary(looked_at=row[0])

    function = replace(bench.process, responsibilities=(Responsibility("queue-drain", count),))
    await bench.owe("k", function)
    outcome = await bench.run("k", function)
    assert isinstance(outcome, Executed)
    assert outcome.summaries["queue-drain"]["looked_at"] == 1
    assert probe.runs == []
