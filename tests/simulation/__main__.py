"""`python -m tests.simulation`: play scenario after scenario, and shrink the first that breaks an invariant."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.simulation.campaign import batches, broken, play_batch, quiet, smallest
from tests.simulation.model import Model
from tests.simulation.scenario import Scenario
from tests.simulation.variants import VARIANTS

_TELLS_EVERY = 10.0  # seconds


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _tell_failure(seed: int, variant: str | None) -> None:
    scenario, text = smallest(seed, VARIANTS[variant] if variant else Model)
    _say(f"\nseed {seed} breaks invariant {text}")
    _say(f"the smallest scenario that does: {scenario.minutes} minutes of cron, seed {scenario.seed}")
    for fault in scenario.faults:
        _say(f"  {fault.at:8.1f} s  {fault.kind} for {fault.lasts:g} s, replica {fault.replica}")
    again = f" --variant {variant}" if variant else ""
    _say(f"again: python -m tests.simulation --seed {seed}{again}")


def _play_many(ticks: int, first: int, workers: int) -> int:
    total, by_path, began, told = 0, Counter[str](), time.monotonic(), time.monotonic()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for batch in pool.imap(play_batch, batches(ticks, first)):
            if batch.failed is not None:
                pool.terminate()
                _tell_failure(batch.failed, None)
                return 1
            total += batch.ticks
            by_path.update(batch.by_path)
            if total >= ticks:
                pool.terminate()
                break
            if time.monotonic() - told > _TELLS_EVERY:
                told = time.monotonic()
                _say(f"{total:,} of {ticks:,} ticks, {total / (told - began):,.0f}/s")
    paths = ", ".join(f"{path} {count:,}" for path, count in by_path.most_common())
    sys.stdout.write(
        f"{total:,} ticks in {time.monotonic() - began:.0f} s; obligations: {paths}; every invariant held\n"
    )
    return 0


def main() -> int:
    """Parse, play, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--ticks", type=int, default=100_000, help="play at least so many ticks")
    parser.add_argument("--first-seed", type=int, default=0, help="the first scenario's seed; the others follow")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="play this scenario alone")
    parser.add_argument("--variant", choices=VARIANTS, help="with a ledger that is broken on purpose")
    given = parser.parse_args()
    quiet()
    if given.seed is None and given.variant is None:
        return _play_many(given.ticks, given.first_seed, given.workers)
    model = VARIANTS[given.variant] if given.variant else Model
    for seed in [given.seed] if given.seed is not None else range(given.first_seed, given.first_seed + 1000):
        if broken(Scenario.of(seed), model):
            _tell_failure(seed, given.variant)
            return 1
    sys.stdout.write("every invariant held\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
