"""Playing cases, one after the other, and telling of each."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tickover.drill.cases import Case, missing
from tickover.drill.evidence import Evidence
from tickover.drill.player import Player
from tickover.drill.stage import Servers, servers, stage
from tickover.drill.verdict import Verdict, judge
from tickover.errors import TickoverError


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case.

    Args:
        case: which.
        verdict: what it shows; None where it could not be played.
        evidence: what it left behind; None where it could not be played.
        trouble: why it could not be played, or shows nothing; None where it was and does.
        skipped: whether this machine lacks something that it needs.
    """

    case: Case
    verdict: Verdict | None
    evidence: Evidence | None
    trouble: str | None = None
    skipped: bool = False

    @property
    def passed(self) -> bool:
        """Whether no invariant was broken, and what was to be broken was."""
        return self.skipped or (self.trouble is None and self.verdict is not None and not self.verdict.broken)


async def play(cases: Sequence[Case], folder: Path) -> AsyncIterator[Result]:
    """Play cases on real servers in a folder; each one's result when it is there."""
    async with servers(folder) as running:
        for case in cases:
            reason = missing(case)
            if reason is not None:
                yield Result(case, None, None, reason, skipped=True)
                continue
            try:
                evidence = await _play_one(running, case)
            except (TickoverError, psycopg.Error, OSError) as error:
                yield Result(case, None, None, f"it could not be played: {error}")
                continue
            verdict = judge(evidence, case.outage, may_miss=case.may_miss)
            shows = case.shows(evidence)
            yield Result(case, verdict, evidence, None if shows else "nothing shows that it was broken")


async def _play_one(running: Servers, case: Case) -> Evidence:
    async with stage(running, case.name, dict(case.environment)) as played:
        player = Player(played)
        try:
            await case.play(player)
            return await player.finish()
        finally:
            await player.stop()
