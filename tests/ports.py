"""Ports of the loopback interface.

They lie below those that the system hands out to clients, and to servers that take any, and come from a block that is
this process's own. So nobody else is given one before it is listened on, or while what listens there is started again.
"""

import itertools
import socket
from collections.abc import Iterator

_BLOCKS = range(20_000, 32_000, 1_000)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _own() -> Iterator[int]:
    """The ports of the first block that no other test process has: its first port is kept, for them to see."""
    for first in _BLOCKS:
        with socket.socket() as keeper:
            try:
                keeper.bind(("127.0.0.1", first))
            except OSError:
                continue
            yield from itertools.cycle(range(first + 1, first + _BLOCKS.step))


_ports = _own()


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    return next(port for port in _ports if _is_free(port))
