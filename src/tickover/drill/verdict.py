"""What a case shows: figures, and every invariant that was broken. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import pairwise

from tickover.drill.contract import FINISH_BY, INLINE_BUDGET_S, LEASE_S, RESPONSIBILITIES, START_BY
from tickover.drill.evidence import Evidence, MarkRow, RunRow
from tickover.ledger.states import DONE

INTERVAL = timedelta(seconds=1)
"""Cron fires so often; it stands for a minute."""

ALLOWED = START_BY + FINISH_BY + timedelta(seconds=LEASE_S + INLINE_BUDGET_S) + INTERVAL
"""Both deadlines, what a lease may outlive its process, one tick, and that tick's own time for the work."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a case shows.

    Args:
        expected: ticks that cron fired, deliveries of the same one counted once.
        recorded: how many of them the ledger has.
        unanswered: deliveries that got no answer, or a 5xx.
        paths: obligations by who carried them out, or the run that covered them.
        done: obligations whose work was done.
        lost: obligations whose work was not.
        twice: results that were recorded twice, and batches that were committed under an older fence than the newest.
        repeated: responsibilities that were begun again after a process had died in them.
        late: obligations that ended after both their deadlines and one tick.
        gaps: the longest time without a success, by responsibility, in intervals.
        jobs: jobs that arrived.
        jobs_lost: jobs that have not succeeded, or left no effect.
        jobs_twice: effects of jobs beyond the first.
        causes: what the watchdog, the findings and the circuit said, as they were first said.
        broken: every invariant that was broken, with its number.
    """

    expected: int
    recorded: int
    unanswered: int
    paths: Mapping[str, int]
    done: int
    lost: int
    twice: int
    repeated: int
    late: int
    gaps: Mapping[str, float]
    jobs: int
    jobs_lost: int
    jobs_twice: int
    causes: Sequence[str]
    broken: Sequence[str]

    @property
    def longest_gap(self) -> float:
        """In intervals, over all responsibilities."""
        return max(self.gaps.values(), default=0.0)


def judge(evidence: Evidence, outage: timedelta, *, may_miss: bool) -> Verdict:
    """What a case shows.

    Args:
        evidence: what it left behind.
        outage: how long cron or the ledger was away, by which everything may be later.
        may_miss: ticks may have gone unrecorded, since there was nobody to record them.
    """
    slots = {answer.slot for answer in evidence.answers}
    cron = [row for row in evidence.owed if row.source != "continuation"]
    recorded = len({row.dispatch_key for row in cron})
    undone = [row for row in evidence.owed if row.state not in DONE]
    allowed = ALLOWED + outage
    late = [row for row in evidence.owed if row.finished_at and row.finished_at - row.created_at > allowed]
    twice = _recorded_twice(evidence.runs) + _under_old_fences(evidence.marks)
    gaps = _gaps(evidence.runs, evidence.began, evidence.ended)
    jobs = evidence.jobs
    jobs_lost = jobs.jobs - min(jobs.succeeded, jobs.with_effect)
    outcomes = sum(run.changed for run in evidence.runs if run.responsibility == "queue-drain")
    too_long = {name: gap for name, gap in gaps.items() if gap * INTERVAL > allowed}
    broken = [
        *_say(recorded < len(slots) and not may_miss, f"1: {len(slots) - recorded} ticks were never recorded"),
        *_say(undone, f"2: {len(undone)} obligations were not done"),
        *_say(late, f"2: {len(late)} obligations ended after their deadlines and one tick"),
        *_say(too_long, f"2: nothing succeeded for {max(too_long.values(), default=0):.1f} intervals"),
        *_say(twice, f"3: {twice} results or batches of executors that had been fenced off"),
        *_say(jobs_lost, f"4: {jobs_lost} jobs were lost"),
        *_say(outcomes > jobs.jobs, f"4: {outcomes} outcomes were recorded for {jobs.jobs} jobs"),
    ]
    return Verdict(
        expected=len(slots),
        recorded=recorded,
        unanswered=sum(not 0 < a.status < HTTPStatus.INTERNAL_SERVER_ERROR for a in evidence.answers),
        paths=Counter(row.path or "nobody" for row in evidence.owed),
        done=len(evidence.owed) - len(undone),
        lost=len(undone) + (0 if may_miss else len(slots) - recorded),
        twice=twice,
        repeated=_repeated(evidence.marks),
        late=len(late),
        gaps=gaps,
        jobs=jobs.jobs,
        jobs_lost=jobs_lost,
        jobs_twice=jobs.effects - jobs.with_effect,
        causes=_causes(evidence),
        broken=broken,
    )


def _say(broken: object, text: str) -> list[str]:
    return [text] if broken else []


def _recorded_twice(runs: Sequence[RunRow]) -> int:
    successes = Counter((run.obligation_id, run.responsibility) for run in runs if run.error is None)
    return sum(count - 1 for count in successes.values())


def _under_old_fences(marks: Sequence[MarkRow]) -> int:
    """Batches that were committed after one under a newer fence of the same obligation."""
    newest: dict[int, int] = {}
    old = 0
    for mark in marks:
        old += mark.fence < newest.get(mark.obligation_id, 0)
        newest[mark.obligation_id] = max(mark.fence, newest.get(mark.obligation_id, 0))
    return old


def _repeated(marks: Sequence[MarkRow]) -> int:
    fences: dict[tuple[int, str], set[int]] = defaultdict(set)
    for mark in marks:
        fences[mark.obligation_id, mark.responsibility].add(mark.fence)
    return sum(len(found) - 1 for found in fences.values())


def _gaps(runs: Sequence[RunRow], began: datetime, ended: datetime) -> dict[str, float]:
    """The longest time without a success of each responsibility, from the first tick to the end, in intervals."""
    successes: dict[str, list[datetime]] = {name: [began] for name in RESPONSIBILITIES}
    for run in runs:
        if run.error is None and run.responsibility in successes:
            successes[run.responsibility].append(run.started_at + timedelta(milliseconds=run.duration_ms))
    return {
        name: round(
            max(later - earlier for earlier, later in pairwise([*sorted(times), max(ended, *times)])) / INTERVAL, 1
        )
        for name, times in successes.items()
    }


def _causes(evidence: Evidence) -> list[str]:
    said: Iterable[str] = (text for answer in evidence.answers for text in (*answer.causes, *answer.findings))
    return list(dict.fromkeys([*said, *evidence.circuit]))
