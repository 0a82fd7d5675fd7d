"""One function of a tick, as the links about it see it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from tickover.contract import Function
from tickover.ledger.facts import Refusal
from tickover.ledger.states import DONE, Path, State
from tickover.moments import told
from tickover.verify.facts import EngineEvent, EngineRun, Facts, ObligationRow, ResponsibilityRow

_NOT_STARTED = {"Queued", "Scheduled"}
_NO_RUN_AFTER = timedelta(seconds=15)  # an engine that is well starts a run within a second


@dataclass(frozen=True, slots=True)
class Case:
    """A function, its obligation, and what is known of its event.

    Args:
        facts: everything that is known of the tick.
        function: as declared.
        row: its obligation.
        event: what the engine told of its event; None where it has none, or could not be asked.
    """

    facts: Facts
    function: Function
    row: ObligationRow
    event: EngineEvent | None

    @property
    def slug(self) -> str:
        """What the engine knows the function by."""
        return f"{self.facts.deployment.app_id}-{self.function.id}"

    @property
    def is_inline(self) -> bool:
        """Whether the function was done without the engine, on purpose: the whole tick, or it alone of the tick's."""
        tick = self.facts.tick
        is_alone = bool(tick.event_ids) and not self.row.accepted and not self.row.durable
        return tick.error is None and ((tick.mode == "inline" and not tick.event_ids) or is_alone)

    @property
    def is_handed_over(self) -> bool:
        """Whether the engine accepted the function's event."""
        return bool(self.facts.tick.event_ids) and self.row.accepted

    @property
    def is_done(self) -> bool:
        """Whether the work was carried out, by whomever."""
        return self.row.state in DONE

    @property
    def is_missed(self) -> bool:
        """Whether the engine had its time and did not begin."""
        row = self.row
        never_begun = row.state in {State.OWED, State.ACCEPTED} and row.late
        beside = row.state == State.COVERED and row.covered_path != Path.DURABLE
        return never_begun or beside or (row.path == Path.RECOVERY and not self.is_taken_over)

    @property
    def is_taken_over(self) -> bool:
        """Whether recovery came after an attempt that left no word: of its path, too, nothing is kept."""
        return self.row.path == Path.RECOVERY and self.row.attempt > 1

    @property
    def is_settled(self) -> bool:
        """Whether a run would have begun by now if one was to."""
        return self.is_missed or self.facts.now - self.facts.tick.requested_at > _NO_RUN_AFTER

    @property
    def runs(self) -> Sequence[EngineRun]:
        """The runs its event started, as far as the engine told."""
        return (self.event.runs if self.event else None) or ()

    @property
    def is_deduplicated(self) -> bool:
        """Whether its event started no run because an earlier one of the same id had."""
        event = self.event
        return event is not None and event.runs == () and bool(event.earlier)

    @property
    def started_none(self) -> bool:
        """Whether the engine knows its event, which started no run, nor did an earlier one of the same id."""
        event = self.event
        return event is not None and event.known is True and event.runs == () and event.earlier == ()

    @property
    def is_untried(self) -> bool:
        """Whether the engine says of every run that it has not begun, so that refused calls are not of this tick."""
        return bool(self.runs) and all(run.status in _NOT_STARTED for run in self.runs)

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The engine's calls that have been refused since the tick came, and may be this one's."""
        if self.row.durable or self.is_untried or self.is_taken_over:
            return ()
        came = self.facts.tick.requested_at
        return [r for r in self.facts.refusals if r.endpoint == "engine" and r.last_at >= came]

    @property
    def responsibilities(self) -> dict[str, ResponsibilityRow]:
        """What each of its responsibilities did last."""
        return {run.responsibility: run for run in self.facts.runs if run.function == self.function.id}

    def who(self) -> str:
        """Who did the work, or is to do it."""
        row = self.row
        if row.state == State.COVERED:
            return (
                f"the {row.covered_path or 'later'} run of {row.covered_key or 'a tick that is forgotten'} did its work"
            )
        if row.state == State.SUCCEEDED:
            return f"the {row.path} path did its work"
        return f"nobody did its work yet; the next tick does once it is late ({told(row.start_by)})"


def same_place(registered: str, served: str) -> bool:
    """Whether two URLs are one place; what is asked for there does not count."""
    one, other = urlsplit(registered), urlsplit(served)
    return (one.scheme, one.netloc, one.path.rstrip("/")) == (other.scheme, other.netloc, other.path.rstrip("/"))
