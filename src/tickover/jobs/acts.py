"""What somebody does to single jobs by hand: requeue, discard, run now; each with an audit row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tickover.database import Database
from tickover.jobs.states import Act


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an act on some jobs.

    Args:
        done: the ids of those that were moved.
        refused: why each of the others was not, by its id.
    """

    done: Sequence[int]
    refused: Mapping[int, str]


class JobActs:
    """Acts on jobs by their ids. Whoever calls asks the guard first.

    Args:
        database: where the queue stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def act(self, act: Act, ids: Sequence[int], by: str, reason: str) -> Acted:
        """Do it to those jobs that may be acted on so, in one transaction with one audit row.

        Args:
            act: what is done.
            ids: of the jobs, at most 1000.
            by: who does it.
            reason: why.

        Raises:
            ValueError: there are more than 1000 ids.
        """
        raise NotImplementedError
