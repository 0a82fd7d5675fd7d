"""Servers from wheels, when several are started at the same moment."""

from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import redis

from tests.forks import forking
from tickover import embedded

TOGETHER = 4


def start(data: Path, together: Barrier, told: "Connection[tuple[int, int], None]") -> None:
    """Start a Valkey with the others; tell its process id, and that of the server which is reached."""
    together.wait()
    with embedded.valkey(data) as (url, pid), redis.Redis.from_url(url) as client:
        told.send((pid, int(client.info("server")["process_id"])))
        together.wait()


def test_each_valkey_of_several_that_start_at_once_is_reached_at_its_own_port(tmp_path: Path) -> None:
    """As with two runs on one machine: none fails, and none is taken for another."""
    forks = forking()
    together, (heard, told) = forks.Barrier(TOGETHER, timeout=60), forks.Pipe(duplex=False)
    started = [
        forks.Process(target=start, args=(tmp_path / str(n), together, told), daemon=True) for n in range(TOGETHER)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0] * TOGETHER
    found = [heard.recv() for _ in started]
    assert len({own for own, _ in found}) == TOGETHER
    assert [own for own, reached in found if own != reached] == []
