"""How many jobs to hold ready, and which may still be started: by what was measured. Pure."""

from dataclasses import dataclass, field

_AHEAD_S = 0.25  # seconds of work that are held ready; what is ready here, no other replica can have
_FIRST = 4  # jobs a worker, before anything is known ...
_GROWTH = 16  # ... and so many times more with each claim until it is
_MEASURED_OVER_S = 0.02  # seconds over which a rate is measured, at least
_SLOWLY = 1.02  # what was quickest once is believed in less and less
_WHOLE = 0.9  # of the budget: a job that gets so much of it will not get more another time


@dataclass(slots=True)
class Pace:
    """What is known of how fast jobs are carried out in one slice.

    Args:
        concurrency: handlers running at a time.
        batch: the most jobs claimed by one statement.
        whole_s: seconds the slice has in all.
        quickest: seconds the quickest recent job of each kind took.
    """

    concurrency: int
    batch: int
    whole_s: float
    quickest: dict[str, float] = field(default_factory=dict)
    rate: float | None = None
    _start: int = 0
    _ended: int = 0
    _since: float | None = None

    def note_job(self, kind: str, took_s: float) -> None:
        """Learn from a job that was not cut off.

        Args:
            kind: of the job.
            took_s: seconds its handler took.
        """
        known = self.quickest.get(kind)
        self.quickest[kind] = took_s if known is None else min(took_s, known * _SLOWLY)

    def note_progress(self, now: float, ended: int, running: int) -> None:
        """Measure jobs a second, once enough time has passed for it.

        Args:
            now: seconds on a clock that never goes back.
            ended: jobs ended so far, in all.
            running: jobs running.
        """
        if self._since is None or (self.rate is None and ended == 0 and running == 0):
            self._since, self._ended = now, ended
            return
        passed = now - self._since
        if passed < (_MEASURED_OVER_S if ended else _AHEAD_S):
            return
        seen = (ended - self._ended) / passed
        self.rate = seen if self.rate is None else (self.rate + seen) / 2
        self._since, self._ended = now, ended

    def room(self, *, ready: int, running: int, left_s: float) -> int:
        """How many jobs to claim now; 0 while enough are ready.

        Args:
            ready: jobs claimed and not started.
            running: jobs running.
            left_s: seconds left to start jobs in.
        """
        if self.rate is None:
            if ready > self._start // 2:
                return 0
            self._start = min(max(self._start * _GROWTH, _FIRST * self.concurrency), self.batch)
            return self._start
        wanted = self._wanted(self.rate, running, left_s)
        if ready > wanted // 2:
            return 0
        return min(wanted - ready, self.batch)

    def surplus(self, *, ready: int, running: int, left_s: float) -> int:
        """How many jobs are held ready beyond what is needed: other replicas could have them.

        Args:
            ready: jobs claimed and not started.
            running: jobs running.
            left_s: seconds left to start jobs in.
        """
        if self.rate is None:
            return 0
        return max(ready - max(2 * self._wanted(self.rate, running, left_s), self.concurrency), 0)

    def _wanted(self, rate: float, running: int, left_s: float) -> int:
        free = max(self.concurrency - running, 0)
        return min(max(int(rate * min(_AHEAD_S, left_s)), free), 2 * self.batch)

    def too_slow(self, left_s: float) -> list[str]:
        """The kinds of which no job could end in time.

        Args:
            left_s: seconds left.
        """
        return [kind for kind in self.quickest if not self.may_start(kind, left_s)]

    def may_start(self, kind: str, left_s: float) -> bool:
        """Whether a job of this kind may end in time: one that cannot is better begun another time than cut off.

        One that could not even within the whole budget is started at its beginning, or it never would be.

        Args:
            kind: of the job.
            left_s: seconds left.
        """
        return self.quickest.get(kind, 0.0) <= left_s or left_s >= _WHOLE * self.whole_s
