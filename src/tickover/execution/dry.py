"""Running a function's responsibilities dry, as a shadow: looking, counting, and changing nothing (invariant 9)."""

from collections.abc import Mapping
from typing import Any

import structlog

from tickover.contract import Function, Responsibility
from tickover.database import Database, ReadOnlyDatabase
from tickover.execution.body import call, error_text, hard_end, soft_end, storable
from tickover.execution.budget import Budget
from tickover.execution.run import Lease, Run, Summary
from tickover.ledger.states import Path
from tickover.rollout.shadows import Shadows

_log = structlog.stdlib.get_logger("tickover.execution")


class DryRuns:
    """Carries out what a shadow's event asks for, with a database that refuses every write.

    Args:
        database: what responsibilities look into.
        shadows: where it is kept what they would have done.
    """

    def __init__(self, database: Database, shadows: Shadows) -> None:
        self._database = ReadOnlyDatabase(database)
        self._shadows = shadows

    async def run(
        self, function: Function, dispatch_key: str, run_id: str, budget: Budget
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """What each responsibility would do. None where nobody asks for it any more.

        Args:
            function: whose responsibilities.
            dispatch_key: the tick that is shadowed.
            run_id: the engine's run.
            budget: by when all of them have to have ended.
        """
        begun = await self._shadows.begin(dispatch_key, function.id, run_id)
        if begun is None:
            return None
        summaries = {}
        todo = function.responsibilities
        for index, responsibility in enumerate(todo):
            soft = soft_end(share := budget.share(len(todo) - index))
            log = _log.bind(function=function.id, responsibility=responsibility.id, dispatch_key=dispatch_key)
            run = Run(
                function=function.id,
                responsibility=responsibility.id,
                dispatch_key=dispatch_key,
                client_id=begun[0],
                path=Path.SHADOW,
                attempt=1,
                dry=True,
                budget=soft,
                database=self._database,
                lease=Lease(0, 0),
                log=log,
            )
            summaries[responsibility.id] = await _run_one(responsibility, run, hard_end(share, soft))
        await self._shadows.finish(dispatch_key, function.id, run_id, summaries)
        return summaries


async def _run_one(responsibility: Responsibility, run: Run, hard: Budget) -> dict[str, Any]:
    """What one would do; whatever it raises, a refused write above all, becomes the summary's error."""
    try:
        return storable(await call(responsibility, run, hard))
    except Exception as error:  # the end of a responsibility: one failing must not stop the others
        run.log.exception("shadow.failed", error=error_text(error))
        return Summary(error=error_text(error)).as_json()
