import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_drawn_states_are_those_of_the_code() -> None:
    """`make docs` was run after the last change to a table of moves."""
    subprocess.run([sys.executable, DOCS / "draw_states.py", "--check"], check=True)
