"""A hundred thousand ticks under seeded faults, and three broken ledgers that must be noticed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.campaign import broken, smallest
from tests.simulation.scenario import KINDS, Fault, Scenario, shrink
from tests.simulation.variants import VARIANTS
from tests.simulation.world import play

ROOT = Path(__file__).parents[2]
WORKERS = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))  # the cores left to it


@pytest.mark.timeout(1500)
def test_i2_a_hundred_thousand_ticks_break_no_invariant() -> None:
    """The real handler, executor, watchdog, circuit and durable functions, on three replicas, under seeded faults."""
    command = [sys.executable, "-m", "tests.simulation", "--ticks", "100000", "--workers", str(WORKERS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ticks = int(done.stdout.split(" ticks", 1)[0].replace(",", ""))
    assert ticks >= 100_000
    for path in ("durable", "inline", "fallback", "recovery"):
        assert f"{path} " in done.stdout


@pytest.mark.parametrize(
    ("variant", "invariant", "first"),  # the first seed: of a hundred from 0 on, 93 is the only one for the second
    [("no-fence", "3", 0), ("claim-before-send", "2", 90), ("accepted-is-done", "2", 0)],
)
def test_a_ledger_that_is_broken_on_purpose_is_noticed(variant: str, invariant: str, first: int) -> None:
    """Within ten scenarios, by the invariant that it breaks; the sound ledger holds in the same scenario."""
    texts = ((seed, broken(Scenario.of(seed), VARIANTS[variant])) for seed in range(first, first + 10))
    seed, text = next((seed, text) for seed, text in texts if text)
    assert text is not None
    assert text.startswith(f"{invariant}: ")
    assert broken(Scenario.of(seed)) is None


def test_the_same_seed_is_the_same_simulation() -> None:
    """Twice the same, to the last obligation; and what one seed breaks it breaks each time."""
    scenario = Scenario.of(23)
    assert play(scenario) == play(scenario)
    assert broken(Scenario.of(93), VARIANTS["claim-before-send"]) == broken(
        Scenario.of(93), VARIANTS["claim-before-send"]
    )


def test_a_failure_is_made_smaller() -> None:
    """What still breaks the same invariant is not larger than before, and has no fault that it does not need."""
    before = Scenario.of(93)
    found, text = smallest(93, VARIANTS["claim-before-send"])
    assert text.startswith("2: ")
    assert (len(found.faults), found.minutes) < (len(before.faults), before.minutes)


def test_shrinking_keeps_what_is_needed() -> None:
    """A pure example: it fails with two of four faults in any length."""
    faults = tuple(Fault(kind, 60.0 * n, 100.0, 0) for n, kind in enumerate(KINDS[:4]))
    needed = {KINDS[1], KINDS[3]}
    found = shrink(Scenario(1, 40, faults), lambda scenario: needed <= {fault.kind for fault in scenario.faults})
    assert [fault.kind for fault in found.faults] == sorted(needed, key=KINDS.index)
    assert all(fault.lasts <= 2 for fault in found.faults)


def test_chance_depends_on_seed_and_subject_alone() -> None:
    """Without a fault everything else stays as it was, so that shrinking does not shuffle."""
    one, other = Scenario.of(7), Scenario(7, 3, ())
    assert one.chance("work", "t1", 2) == other.chance("work", "t1", 2)
    assert one.chance("work", "t1", 2) != one.chance("work", "t1", 3)
    assert one.chance("work") != Scenario.of(8).chance("work")
