"""Draws `docs/states.md` from the tables of states and moves in the code. `--check` only compares."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tickover.jobs.bulk_states import MOVES as BULK_MOVES
from tickover.jobs.states import MOVES as JOB_MOVES
from tickover.ledger.states import MOVES as OBLIGATION_MOVES
from tickover.rollout.stages import MOVES as ROLLOUT_MOVES

PAGE = Path(__file__).with_name("states.md")

Moves = Mapping[str, frozenset[str]]
STAGE_MOVES: Moves = {str(stage or "unset"): frozenset(map(str, nexts)) for stage, nexts in ROLLOUT_MOVES.items()}

HEAD = """# States

Drawn by `make docs` from the tables in `src/tickover/ledger/states.py`, `src/tickover/jobs/states.py`,
`src/tickover/jobs/bulk_states.py` and `src/tickover/rollout/stages.py`; a test compares them. Every move that is not
drawn is refused: an obligation's or a job's by the database statement that would make it, a function's before its
control is touched.
"""

UNSET = """
`unset`: nobody has set anything, so the flag of its route alone decides. A canary grows by moving to itself.
"""


def diagram(moves: Moves) -> str:
    """One table as a Mermaid state diagram; what leads nowhere ends there."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for state, nexts in moves.items():
        lines += [f"  {state} --> {following}" for following in sorted(nexts)]
        if not nexts:
            lines.append(f"  {state} --> [*]")
    return "\n".join([*lines, "```"])


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            HEAD,
            "## An obligation: one function owed by one tick\n",
            diagram(OBLIGATION_MOVES),
            "\n`failed` is an end, but cron may deliver the tick again: what came to nothing is taken up anew.\n",
            "## A job\n",
            diagram(JOB_MOVES),
            "\n## An act on all jobs that match a filter\n",
            diagram(BULK_MOVES),
            "\n## A function: from inline to durable\n",
            diagram(STAGE_MOVES),
            UNSET,
        ]
    )


def main() -> int:
    """Write the page, or compare it."""
    if "--check" in sys.argv:
        return 0 if PAGE.read_text() == page() else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
