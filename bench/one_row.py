"""What `bench/prune.py` disturbs: an application's own traffic, one row a transaction, in a process of its own."""

import math
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg
from bench.timeline import Update

EVERY_S = 0.005  # one update at a time, 200 a second at most
_TOUCH = b"UPDATE bench.run SET visits = visits + 1 WHERE id = %s"


class Traffic:
    """The updates of another process, while it lives."""

    def __init__(self, pipe: "Connection[str, list[Update]]") -> None:
        self._pipe = pipe

    def take(self) -> list[Update]:
        """Each update since this was last asked."""
        self._pipe.send("take")
        return self._pipe.recv()


@contextmanager
def traffic(dsn: str, ids: tuple[int, int]) -> Iterator[Traffic]:
    """Update rows with keys from one to another, at random, one transaction each, until left."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_update, args=(dsn, ids, there))
    process.start()
    there.close()  # so that a process that dies is an end of the file here
    try:
        here.recv()  # it is connected
        yield Traffic(here)
    finally:
        here.send("stop")
        process.join()


def _update(dsn: str, ids: tuple[int, int], pipe: "Connection[list[Update], str]") -> None:
    """The other process: update, note how long it took, wait for the next turn."""
    updates: list[Update] = []
    chance = random.Random(1)  # noqa: S311 - which row it is is no secret
    with psycopg.connect(dsn, autocommit=True) as connection:
        both = os.getpid(), connection.info.backend_pid
        pipe.send(updates)
        while True:
            if pipe.poll():
                if pipe.recv() == "stop":
                    return
                pipe.send(updates)
                updates = []
            waited_ms, began = _waited_ms(*both), time.monotonic()
            connection.execute(_TOUCH, (chance.randint(*ids),))
            spent = time.monotonic() - began
            updates.append(Update(began, spent * 1000, _waited_ms(*both) - waited_ms))
            time.sleep(max(0.0, EVERY_S - spent))


def _waited_ms(*pids: int) -> float:
    """How long processes could have run and had no core, so far; not a number where the system does not say."""
    counts = [Path(f"/proc/{pid}/schedstat") for pid in pids]
    return sum(int(count.read_text().split()[1]) / 1e6 if count.exists() else math.nan for count in counts)
