"""The rounds of the benchmarks on tiny sizes: the bare loop, as a process of its own, over a real server."""

import sys
from pathlib import Path

import pytest
from bench import environments
from bench.rounds import carry_out, plan
from bench.server import Server
from bench.steps import Benches, Sizes

TINY = Sizes(
    jobs=300,
    slow_jobs=300,
    deep=300,
    deep_peers=("bare",),
    shallow=300,
    big=1,
    clients=1,
    slices=1,
    seconds=0.05,
    pruned=1,
    repeated=1,
)


def test_the_bare_loop_is_measured_with_what_it_costs(postgres: str) -> None:
    """Every job once, in two batches: two claims, two completions, one look that finds nothing."""
    benches = Benches(Server(postgres), {"bare": Path(sys.executable)}, TINY)
    chosen = {bench: benches.sides(bench) for bench in ("drain", "enqueue", "depth", "fairness")}
    records = list(carry_out(plan(chosen, 1), 1, lambda _: None))
    assert [(record["bench"], record["side"]) for record in records] == [
        ("drain", "bare"),
        ("enqueue", "bare"),
        ("depth", "bare"),
    ]
    drain, enqueue, depth = records
    assert (drain["jobs"], drain["rows"]) == (300, 2.0)
    assert 5 / 300 <= drain["commits"] < 20 / 300
    assert drain["wal"] > 100
    assert min(drain["rate"], enqueue["rate"], depth["clean"], depth["deep"]) > 0


def test_a_process_that_fails_says_why(postgres: str) -> None:
    """In one line, in the record."""
    benches = Benches(Server(postgres), {"chancy": Path(sys.executable)}, TINY)
    records = list(carry_out(plan({"enqueue": benches.sides("enqueue")}, 1), 1, lambda _: None))
    assert records[0]["failed"] == "ModuleNotFoundError: No module named 'chancy'"


def test_a_peer_that_cannot_be_installed_is_named_and_the_others_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As without a network."""
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    found, missing = environments.pythons(["bare", "chancy"])
    assert found == {"bare": Path(sys.executable)}
    assert missing.keys() == {"chancy"}
    assert missing["chancy"]
