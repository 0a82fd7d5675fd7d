"""The cases: each breaks one thing that broke in the field, mends it, and says what has to show that it broke."""

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tickover.drill.contract import FLAG
from tickover.drill.evidence import Evidence
from tickover.drill.pgbouncer import pgbouncer
from tickover.drill.player import Player
from tickover.drill.stage import EVENT_KEY, FOREIGN_KEY, SIGNING_KEY

HOUR = 60  # intervals
MINUTES_5 = "+5m"
_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
_QUIET = timedelta()


@dataclass(frozen=True, slots=True)
class Case:
    """A game day.

    Args:
        name: for `--only`.
        notes: the field notes that it plays.
        breaks: what is broken, for people.
        play: does it, on a stage with cron running.
        shows: whether the evidence shows that it really was broken.
        outage: how long cron or the ledger is away, by which work may be later.
        may_miss: ticks may go unrecorded, since there is nobody to record them.
        environment: of the replicas, beside the stage's own.
        needs: a file or program of the machine, and what to install for it.
    """

    name: str
    notes: str
    breaks: str
    play: Callable[[Player], Awaitable[None]]
    shows: Callable[[Evidence], bool]
    outage: timedelta = _QUIET
    may_miss: bool = False
    environment: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, str] | None = None


def modes(evidence: Evidence) -> set[str]:
    """How ticks were answered."""
    return {answer.mode for answer in evidence.answers if answer.mode is not None}


def paths(evidence: Evidence) -> set[str]:
    """Who carried obligations out."""
    return {row.path for row in evidence.owed if row.path is not None}


async def engine_down(player: Player) -> None:
    """The engine is killed, and comes back."""
    await player.intervals(3)
    with player.broken():
        player.stage.kill_engine()
        await player.intervals(8)
        await player.stage.start_engine()
    await player.intervals(6)


async def wrong_event_key(player: Player) -> None:
    """Both replicas are deployed with an event key that the engine does not know, and then with the right one."""
    await _deployed_with(player, {"INNGEST_EVENT_KEY": "another-key"}, {"INNGEST_EVENT_KEY": EVENT_KEY}, lasts=6)


async def wrong_signing_key(player: Player) -> None:
    """Synced with the right key, then deployed with another: events are accepted, and every call is answered 401."""
    await _deployed_with(player, {"INNGEST_SIGNING_KEY": FOREIGN_KEY}, {"INNGEST_SIGNING_KEY": SIGNING_KEY}, lasts=9)


async def accepted_never_called(player: Player) -> None:
    """The engine takes events and never calls."""
    await _engine_fails(player, "call-never", lasts=9, then=6)


async def answer_lost(player: Player) -> None:
    """The engine takes events, and its answer to the send is lost."""
    await _engine_fails(player, "send-answer-lost", lasts=8, then=4, count=6)


async def called_twice(player: Player) -> None:
    """The engine makes the same call twice at once."""
    await _engine_fails(player, "call-twice", lasts=8, then=2)


async def called_late(player: Player) -> None:
    """The engine calls ten minutes late; by then everything was carried out otherwise."""
    await _engine_fails(player, "call-late", lasts=6, then=12, seconds=10)


async def _deployed_with(player: Player, wrong: dict[str, str], right: dict[str, str], lasts: float) -> None:
    """Deploy something wrong for so many intervals, and mend it by another deployment."""
    await player.intervals(2)
    with player.broken():
        await player.stage.restart_replicas(wrong)
        await player.intervals(lasts)
        await player.stage.restart_replicas(right)
    await player.intervals(6)


async def _engine_fails(player: Player, kind: str, *, lasts: float, then: float, **options: object) -> None:
    """Let the engine do something wrong for so many intervals, and go on for so many."""
    await player.intervals(2)
    with player.broken():
        await player.stage.fault(kind, **options)
        await player.intervals(lasts)
        await player.stage.clear_faults()
    await player.intervals(then)


async def killed_in_drain(player: Player) -> None:
    """The replica that drains is killed, three times."""
    player.jobs_a_tick = 100
    await _killed(player, "drain")


async def killed_in_maintenance(player: Player) -> None:
    """The replica that prunes is killed, three times."""
    await _killed(player, "maintenance")


async def _killed(player: Player, of: str) -> None:
    """Kill whichever replica is at that work, and start it again, three times."""
    await player.intervals(2)
    with player.broken():
        for _ in range(3):
            killed = await player.kill_worker(of)
            await player.intervals(1)
            await player.stage.start_replica(killed)
    await player.intervals(4)


async def postgres_restarted(player: Player) -> None:
    """PostgreSQL goes down at once, is away for two intervals, and comes back."""
    await player.intervals(3)
    with player.broken():
        await player.stage.restart_postgres(down_s=2.0)
    await player.intervals(6)


async def valkey_stopped(player: Player) -> None:
    """Redis is shut down, and does not come back."""
    await player.intervals(3)
    with player.broken():
        player.stage.signal_valkey(signal.SIGTERM)
        await player.intervals(8)


async def valkey_frozen(player: Player) -> None:
    """Redis accepts connections and answers nothing."""
    await player.intervals(3)
    with player.broken():
        player.stage.signal_valkey(signal.SIGSTOP)
        try:
            await player.intervals(8)
        finally:
            player.stage.signal_valkey(signal.SIGCONT)
    await player.intervals(2)


async def behind_pgbouncer(player: Player) -> None:
    """The replicas reach PostgreSQL through PgBouncer in transaction mode, and a replica is killed in mid-drain."""
    with pgbouncer(player.stage.dsn, player.stage.folder) as uri, player.broken():
        await player.stage.restart_replicas({"DATABASE_URL": uri})
        await player.intervals(5)
        killed = await player.kill_worker("drain")
        await player.intervals(1)
        await player.stage.start_replica(killed)
        await player.intervals(4)
        await player.stage.restart_replicas({"DATABASE_URL": player.stage.dsn})
    await player.intervals(2)


async def clock_skewed(player: Player) -> None:
    """One replica's clock is five minutes ahead of everybody else's."""
    await player.intervals(2)
    with player.broken():
        player.stage.kill_replica(1)
        skewed = {"LD_PRELOAD": _FAKETIME, "FAKETIME": MINUTES_5, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        await player.stage.start_replica(1, skewed)
        await player.intervals(10)
    player.stage.kill_replica(1)
    await player.stage.start_replica(1)
    await player.intervals(3)


async def cron_redelivers(player: Player) -> None:
    """Cron delivers each tick three times at once, so that both replicas get it."""
    await player.intervals(2)
    with player.broken():
        player.deliveries = 3
        await player.intervals(8)
        player.deliveries = 1
    await player.intervals(2)


async def cron_stops(player: Player) -> None:
    """Cron stops for an hour, and goes on."""
    await player.intervals(4)
    with player.broken():
        player.fires = False
        await player.intervals(HOUR)
        player.fires = True
    await player.intervals(4)


async def flag_flipped(player: Player) -> None:
    """The flag is turned off and on again in mid-flight, one replica after the other."""
    player.jobs_a_tick = 60
    await player.intervals(4)
    with player.broken():
        await player.stage.restart_replicas({FLAG: "false"})
        await player.intervals(4)
        await player.stage.restart_replicas({FLAG: "true"})
    await player.intervals(5)


CASES: tuple[Case, ...] = (
    Case("engine-down", "F8", "the engine is killed", engine_down, lambda e: "fallback" in modes(e)),
    Case("wrong-event-key", "F2", "INNGEST_EVENT_KEY is another", wrong_event_key, lambda e: "fallback" in modes(e)),
    Case(
        "wrong-signing-key",
        "F2, F5",
        "INNGEST_SIGNING_KEY is another: each call is answered 401",
        wrong_signing_key,
        lambda e: (
            any("INNGEST_SIGNING_KEY" in cause for answer in e.answers for cause in answer.causes)
            and "durable" in {row.path for row in e.owed[-4:]}
        ),
    ),
    Case(
        "accepted-never-called",
        "F5, F6, F7",
        "the engine accepts and never calls",
        accepted_never_called,
        lambda e: "recovery" in paths(e),
    ),
    Case("answer-lost", "R2", "the answers to sends are lost", answer_lost, lambda e: "fallback" in modes(e)),
    Case("called-twice", "R2", "each call is made twice at once", called_twice, lambda e: "durable" in paths(e)),
    Case(
        "called-late",
        "F6",
        "calls come 10 minutes (10 s) late",
        called_late,
        lambda e: bool({"recovery", "inline"} & paths(e)),
    ),
    Case(
        "killed-in-drain",
        "F6, F14",
        "SIGKILL in mid-drain, three times",
        killed_in_drain,
        lambda e: len(e.kills) == 3,  # noqa: PLR2004
        environment=(("DRILL_JOB_SECONDS", "0.02"),),
    ),
    Case(
        "killed-in-maintenance",
        "F6, F7, F14",
        "SIGKILL in mid-maintenance, three times",
        killed_in_maintenance,
        lambda e: len(e.kills) == 3,  # noqa: PLR2004
        environment=(("DRILL_BATCH_SECONDS", "0.05"),),
    ),
    Case(
        "postgres-restarted",
        "F8, F9",
        "PostgreSQL crashes and comes back",
        postgres_restarted,
        lambda e: any(answer.status in {0, 500, 503} for answer in e.answers),
        outage=timedelta(seconds=6),
        may_miss=True,
    ),
    Case("valkey-stopped", "", "Redis is away", valkey_stopped, lambda e: "durable" in paths(e)),
    Case("valkey-frozen", "", "Redis hangs (SIGSTOP)", valkey_frozen, lambda e: "durable" in paths(e)),
    Case(
        "pgbouncer",
        "F9",
        "PgBouncer in transaction mode, and a SIGKILL behind it",
        behind_pgbouncer,
        lambda e: len(e.kills) == 1,
        environment=(("DRILL_JOB_SECONDS", "0.02"),),
        needs=("pgbouncer", "pgbouncer"),
    ),
    Case(
        "clock-skewed",
        "F10",
        "one replica's clock is 5 minutes ahead",
        clock_skewed,
        lambda e: "durable" in paths(e),
        needs=(_FAKETIME, "faketime"),
    ),
    Case(
        "cron-redelivers",
        "F10",
        "each tick is delivered three times at once",
        cron_redelivers,
        lambda e: "duplicate" in modes(e),
    ),
    Case(
        "cron-stops",
        "F7",
        "cron is silent for an hour (60 s)",
        cron_stops,
        lambda e: any("ticks-missing" in finding for answer in e.answers for finding in answer.findings),
        outage=timedelta(seconds=HOUR),
    ),
    Case(
        "flag-flipped",
        "F13",
        f"{FLAG} is turned off and on in mid-flight",
        flag_flipped,
        lambda e: {"dispatch", "inline"} <= modes(e),
        environment=(("DRILL_JOB_SECONDS", "0.01"),),
    ),
)


def missing(case: Case) -> str | None:
    """What has to be installed for a case, or None."""
    if case.needs is None:
        return None
    file, package = case.needs
    found = Path(file).exists() or any(Path(folder, file).exists() for folder in os.get_exec_path())
    return None if found else f"skipped; run: apt-get install {package}"
